import type { Proof } from "../../graph/op.ts";
import { boundLike } from "../shared/rounding.ts";

export const countCorrect: Proof<null> = {
  bound: (_inputs, _errors, [y]) => [boundLike(y!)],
  cases: [
    [5, 3],
    [300, 10],
  ].map(([M, N]) => ({
    name: `${M}x${N}`,
    inputs: [
      { shape: [M!, N!], dtype: "f32" },
      { shape: [M!], dtype: "i32", fill: "classes", below: N! },
    ],
    attrs: null,
  })),
};
