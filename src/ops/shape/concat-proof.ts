import type { Proof } from "../../graph/op.ts";
import { boundLike } from "../shared/rounding.ts";
import { type ConcatAttrs, concat as op } from "./concat.ts";

export const concat: Proof<ConcatAttrs> = {
  bound(inputs, errors, _outputs, attrs) {
    // The errors lie where the values do.
    return op.reference(
      inputs.map((x, k) => errors[k] ?? boundLike(x)),
      attrs,
    );
  },
  cases: (
    [
      [[[1], [1]], 0],
      [
        [
          [3, 5],
          [3, 2],
        ],
        1,
      ],
      [
        [
          [3, 5],
          [3, 4],
        ],
        1,
      ],
      [
        [
          [3, 5],
          [1, 5],
          [4, 5],
        ],
        0,
      ],
      [
        [
          [2, 3, 4, 5],
          [2, 1, 4, 5],
          [2, 7, 4, 5],
        ],
        1,
      ],
      [
        [
          [2, 3, 4, 1],
          [2, 3, 4, 6],
        ],
        3,
      ],
      [
        [
          [40, 9, 33],
          [40, 2, 33],
        ],
        1,
      ],
    ] as const
  ).map(([shapes, axis]) => ({
    name: `${shapes.map((s) => s.join("x")).join(", ")} along ${axis}`,
    inputs: shapes.map((shape) => ({ shape, dtype: "f32" })),
    attrs: { axis },
  })),
};
