import type { Proof } from "../../graph/op.ts";
import { boundLike, errorAt, TINY, U } from "../shared/rounding.ts";
import type { RotaryAttrs } from "./rotary.ts";
import { rotaryTable } from "./rotary-table.ts";

/** Among the roundings is the table's, whose numbers a net's graph has in f64. */
export const rotary: Proof<RotaryAttrs> = {
  bound([x, table], [ex], [y], { heads }) {
    const [, t, width] = x!.shape as readonly [number, number, number];
    const d = table!.shape[1]!;
    const half = d / 2;
    const out = boundLike(y!);
    for (let i = 0; i < out.data.length; i++) {
      const c = i % width;
      out.data[i] = errorAt(ex, i);
      if (c >= heads * d) continue;
      const other = c % d < half ? i + half : i - half;
      const row = (Math.floor(i / width) % t) * d + (c % half);
      const [cos, sin] = [Math.abs(table!.data[row]!), Math.abs(table!.data[row + half]!)];
      const [a, b] = [Math.abs(x!.data[i]!), Math.abs(x!.data[other]!)];
      const [ea, eb] = [errorAt(ex, i), errorAt(ex, other)];
      out.data[i] = (ea * cos + eb * sin) * (1 + 4 * U) + 4 * U * (a * cos + b * sin) + TINY * (1 + a + b);
    }
    return [out];
  },
  cases: [
    { n: 2, t: 5, width: 12, d: 2, heads: 4, back: false },
    { n: 1, t: 3, width: 19, d: 6, heads: 2, back: true },
    { n: 2, t: 33, width: 24, d: 8, heads: 3, back: false },
    { n: 2, t: 5, width: 18, d: 8, heads: 2, back: true },
    { n: 3, t: 7, width: 44, d: 8, heads: 5, back: true },
    { n: 1, t: 1, width: 16, d: 16, heads: 1, back: true },
  ].map(({ n, t, width, d, heads, back }) => ({
    name: `${n} x ${t} x ${width}, ${heads} heads of ${d}${back ? ", back" : ""}`,
    inputs: [
      { shape: [n, t, width], dtype: "f32" },
      { shape: [t, d], dtype: "f32", fill: Array.from(rotaryTable(t, d, 100).data, Math.fround) },
    ],
    attrs: { heads, back },
  })),
};
