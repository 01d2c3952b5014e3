import type { Proof } from "../../graph/op.ts";
import { boundLike, errorAt, TINY, U } from "../shared/rounding.ts";

export const add: Proof<null> = {
  bound(_i, [ea, eb], [y]) {
    const out = boundLike(y!);
    for (let i = 0; i < out.data.length; i++) {
      out.data[i] = errorAt(ea, i) + errorAt(eb, i) + 2 * U * Math.abs(y!.data[i]!) + TINY;
    }
    return [out];
  },
  cases: [[1], [33, 9], [33, 12]].map((shape) => ({
    name: shape.join("x"),
    inputs: [
      { shape, dtype: "f32" },
      { shape, dtype: "f32" },
    ],
    attrs: null,
  })),
};
