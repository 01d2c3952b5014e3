import type { NdArray } from "../../core/ndarray.ts";
import type { OpCase, Proof } from "../../graph/op.ts";
import { boundLike } from "../shared/rounding.ts";
import { matrix } from "./batched.ts";
import { type BatchedAttrs, batchedDims, batchedForm, matrixAt } from "./batched-dims.ts";
import { productBound } from "./reference.ts";

export const batchedMatmul: Proof<BatchedAttrs> = {
  bound([a, b], [ea, eb], [y], attrs) {
    const form = batchedForm(attrs);
    const dims = batchedDims(form, a!, b!);
    const out = boundLike(y!);
    const some = (x: NdArray | null | undefined, i: number): NdArray | null => (x ? matrix(x, i) : null);
    for (let i = 0; i < dims.batches; i++) {
      const [ai, bi] = [matrixAt(i, dims, dims.aSteps), matrixAt(i, dims, dims.bSteps)];
      const off = [some(ea, ai), some(eb, bi)];
      const bound = productBound(form, [matrix(a!, ai), matrix(b!, bi)], off, matrix(y!, i));
      out.data.set(bound.data, i * dims.M * dims.N);
    }
    return [out];
  },
  cases: [
    batchedCase([2], [2], 3, 5, 7),
    batchedCase([1], [1], 1, 1, 1, "b"),
    batchedCase([3, 2], [3, 2], 8, 4, 12, "b"),
    batchedCase([2, 3], [3], 5, 4, 6, "a"),
    batchedCase([2, 1], [1, 3], 4, 8, 4),
    batchedCase([2, 1, 2], [3, 1], 3, 2, 5, "b"),
    batchedCase([], [4], 6, 5, 3),
    batchedCase([4], [], 3, 7, 5, "b"),
    batchedCase([3], [1], 4, 4, 5, "a"),
    batchedCase([2, 2], [2, 2], 1, 33, 65),
    batchedCase([2], [2], 65, 63, 66),
    batchedCase([3], [3], 68, 64, 20, "b"),
    batchedCase([2], [2], 64, 72, 33, "a"),
    batchedCase([19], [19], 2, 3, 4, "a"),
  ],
};

function batchedCase(
  leadA: readonly number[],
  leadB: readonly number[],
  M: number,
  N: number,
  K: number,
  transpose?: "a" | "b",
): OpCase<BatchedAttrs> {
  const a = [...leadA, ...(transpose === "a" ? [K, M] : [M, K])];
  const b = [...leadB, ...(transpose === "b" ? [N, K] : [K, N])];
  return {
    name: `[${a}] and [${b}]${transpose ? `, ${transpose} transposed` : ""}`,
    inputs: [
      { shape: a, dtype: "f32" },
      { shape: b, dtype: "f32" },
    ],
    attrs: transpose ? { transpose } : {},
  };
}
