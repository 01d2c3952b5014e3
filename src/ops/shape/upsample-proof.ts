import type { NdArray } from "../../core/ndarray.ts";
import type { OpCase, Proof } from "../../graph/op.ts";
import { boundLike, errorAt, gamma, TINY } from "../shared/rounding.ts";
import { eachTap, gridOf, type UpsampleAttrs } from "./grid.ts";

/** Bound of weighted sums: `terms` roundings of sums of so many products, each weight a quotient or two. */
function bound(out: NdArray, x: NdArray, ex: NdArray | null, pairs: Pairs, terms: number): NdArray {
  const sizes = new Float64Array(out.data.length);
  pairs((to, from, weight) => {
    const e = errorAt(ex, from);
    out.data[to]! += weight * e;
    sizes[to]! += weight * (Math.abs(x.data[from]!) + e);
  });
  out.data.forEach((carried, i) => {
    out.data[i] = carried + gamma(terms) * sizes[i]! + terms * TINY;
  });
  return out;
}

type Pairs = (each: (to: number, from: number, weight: number) => void) => void;

/** Roundings of two weights (a quotient may be off by several), their product and the value's. */
const WEIGHTS = 14;

export const upsample: Proof<UpsampleAttrs> = {
  bound: ([x], [ex], [y], attrs) => [
    bound(boundLike(y!), x!, ex ?? null, (each) => eachTap(gridOf(x!.shape, attrs), attrs.mode, each), WEIGHTS + 4),
  ],
  cases: cases((shape) => shape),
};

export const upsampleGradient: Proof<UpsampleAttrs> = {
  bound([dy], [edy], [dx], attrs) {
    const grid = gridOf(dx!.shape, attrs);
    const pairs: Pairs = (each) => eachTap(grid, attrs.mode, (i, j, weight) => each(j, i, weight));
    return [bound(boundLike(dx!), dy!, edy ?? null, pairs, WEIGHTS + 4 * grid.sy * grid.sx)];
  },
  cases: cases((shape, scale) => shape.map((n, k) => n * (scale[k - shape.length + scale.length] ?? 1))),
};

function cases(shapeOf: (shape: readonly number[], scale: readonly number[]) => readonly number[]) {
  return (["nearest", "bilinear"] as const).flatMap((mode) =>
    (
      [
        [[1], [1]],
        [[1], [3]],
        [[2, 5], [2]],
        [[3, 4, 7], [3]],
        [
          [2, 3, 4, 5],
          [2, 2],
        ],
        [
          [2, 1, 1, 4],
          [4, 1],
        ],
        [
          [1, 3, 5, 2],
          [3, 2],
        ],
        [
          [2, 3, 2, 8],
          [3, 2],
        ],
        [
          [1, 2, 3, 4],
          [2, 4],
        ],
        [
          [8, 5, 14, 9],
          [2, 2],
        ],
      ] as const
    ).map(
      ([shape, scale]): OpCase<UpsampleAttrs> => ({
        name: `${shape.join("x")} by ${scale.join("x")} ${mode}`,
        inputs: [{ shape: shapeOf(shape, scale), dtype: "f32" }],
        attrs: { scale, mode },
      }),
    ),
  );
}
