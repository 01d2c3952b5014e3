import type { Proof } from "../../graph/op.ts";
import { boundLike, errorAt, TINY, U } from "../shared/rounding.ts";
import type { CombineAttrs, PartCursorAttrs } from "./accumulate.ts";

export const combine: Proof<CombineAttrs> = {
  bound([a, b], [ea, eb], [y], { alpha, beta }) {
    const out = boundLike(y!);
    for (let i = 0; i < out.data.length; i++) {
      const carried = Math.abs(alpha) * errorAt(ea, i) + Math.abs(beta) * errorAt(eb, i);
      const size = Math.abs(alpha * a!.data[i]!) + Math.abs(beta * b!.data[i]!);
      out.data[i] = carried + 4 * U * (size + carried) + TINY;
    }
    return [out];
  },
  cases: [[1], [33, 9], [33, 12]].map((shape) => ({
    name: shape.join("x"),
    inputs: [
      { shape, dtype: "f32" },
      { shape, dtype: "f32" },
    ],
    attrs: { alpha: 0.3, beta: -1.7 },
  })),
};

export const partCursor: Proof<PartCursorAttrs> = {
  cases: [
    [0, 1],
    [2, 3],
  ].map(([part, parts]) => ({
    name: `part ${part} of ${parts}`,
    inputs: [{ shape: [4], dtype: "u32", fill: [11, 3, 40, 2] }],
    attrs: { part: part!, parts: parts!, batch: 8 },
  })),
};
