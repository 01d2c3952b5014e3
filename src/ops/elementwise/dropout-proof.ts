import type { Proof } from "../../graph/op.ts";
import { boundLike, errorAt, gamma, TINY } from "../shared/rounding.ts";
import type { DropoutAttrs } from "./dropout.ts";

export const dropout: Proof<DropoutAttrs> = {
  bound(_inputs, [ex], [y], { p }) {
    const out = boundLike(y!);
    const scale = 1 / (1 - p);
    for (let i = 0; i < out.data.length; i++) {
      // A dropped element is exactly 0 whatever its error was; only an exact 0 tells, and then a bound of E is safe.
      const moved = errorAt(ex, i) * scale;
      out.data[i] = moved + gamma(2) * (Math.abs(y!.data[i]!) + moved) + TINY;
    }
    return [out];
  },
  cases: [
    { p: 0.5, seed: 3, layer: 0, rows: 33 },
    { p: 0, seed: 3, layer: 1, rows: 33 },
    { p: 0.9, seed: 77, layer: 2, rows: 33 },
    { p: 0.4, seed: 5, layer: 1, rows: 1 },
    { p: 0.3, seed: 8, layer: 3, rows: 44 },
  ].map(({ rows, ...attrs }) => ({
    name: `p=${attrs.p}`,
    inputs: [
      { shape: [rows, 7], dtype: "f32" },
      { shape: [4], dtype: "u32", fill: [5, 0, 0, 0] },
    ],
    attrs,
  })),
};
