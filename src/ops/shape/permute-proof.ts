import type { Proof } from "../../graph/op.ts";
import { errorAt, movedErrors } from "../shared/rounding.ts";
import { type PermuteAttrs, permutedWalk } from "./permute.ts";
import { placeInWalk } from "./strided.ts";

export const permute: Proof<PermuteAttrs> = {
  bound([x], [ex], [y], attrs) {
    const walk = permutedWalk(x!, attrs);
    return [movedErrors(y!, (i) => errorAt(ex, placeInWalk(walk, i)))];
  },
  cases: (
    [
      [[1], [0]],
      [
        [3, 5],
        [1, 0],
      ],
      [
        [2, 3, 4],
        [2, 0, 1],
      ],
      [
        [2, 5, 3],
        [0, 2, 1],
      ],
      [
        [33, 17],
        [1, 0],
      ],
      [
        [2, 7, 2, 3],
        [0, 2, 1, 3],
      ],
      [
        [2, 3, 5, 7],
        [3, 1, 2, 0],
      ],
      [
        [2, 1, 3, 2, 5],
        [4, 2, 1, 3, 0],
      ],
      [
        [4, 6, 10],
        [0, 1, 2],
      ],
      [
        [2, 6, 3, 8],
        [0, 2, 1, 3],
      ],
      [
        [4, 3],
        [1, 0],
      ],
      [
        [3, 8, 20],
        [0, 2, 1],
      ],
      [
        [12, 3, 8],
        [2, 1, 0],
      ],
      [
        [2, 4, 3, 8, 5],
        [0, 3, 2, 4, 1],
      ],
      [
        [3, 151, 163],
        [0, 2, 1],
      ],
    ] as const
  ).map(([shape, order]) => ({
    name: `${shape.join("x")} to ${order.join(" ")}`,
    inputs: [{ shape, dtype: "f32" }],
    attrs: { order },
  })),
};
