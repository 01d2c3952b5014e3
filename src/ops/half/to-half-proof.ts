import { HALF_LEAST, HALF_U, roundToHalf } from "../../core/half.ts";
import type { Proof } from "../../graph/op.ts";
import { boundLike, errorAt } from "../shared/rounding.ts";

export const toHalf: Proof<null> = {
  // |rd(x^) - y| <= |rd(x^) - x^| + |x^ - x| + |x - y|; where x is exact the first is known, and the whole is |rd(x) - y|.
  bound([x], [ex], [y]) {
    const out = boundLike(y!);
    for (let i = 0; i < out.data.length; i++) {
      const v = x!.data[i]!;
      const e = errorAt(ex, i);
      const off = Math.abs(v - y!.data[i]!);
      out.data[i] =
        e === 0 ? Math.abs(roundToHalf(v) - y!.data[i]!) : e + HALF_U * (Math.abs(v) + e) + HALF_LEAST / 2 + off;
    }
    return [out];
  },
  cases: [
    ...[[1], [2], [3, 5], [64, 33], [700, 4]].map((shape) => ({
      name: shape.join("x"),
      inputs: [{ shape, dtype: "f32" as const, scale: 3 }],
      attrs: null,
    })),
    {
      name: "subnormal",
      inputs: [{ shape: [40, 4], dtype: "f32", scale: 2 ** -16 }],
      attrs: null,
    },
    {
      name: "edges",
      // Ties to even both ways, the least half and its midpoint, the largest and the first that is infinite.
      inputs: [
        {
          shape: [16],
          dtype: "f32",
          fill: [
            ...[1 + 2 ** -11, 1 + 3 * 2 ** -11, -1 - 2 ** -11, 2049, 2051],
            ...[2 ** -24, 2 ** -25, 2 ** -25 * (1 + 2 ** -20), -(3 * 2 ** -25), 2 ** -14 * (1 - 2 ** -12)],
            ...[65504, 65519, 65520, -1e30, 0, 2 ** -14],
          ],
        },
      ],
      attrs: null,
    },
  ],
};
