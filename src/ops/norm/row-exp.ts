import type { NdArray } from "../../core/ndarray.ts";
import { errorAt, gamma, U } from "../shared/rounding.ts";

/** Row sums of exp(x - max) and the row's maximum, in f64. */
export function rowExpSum(x: NdArray, row: number): { top: number; sum: number } {
  const N = x.shape[1]!;
  let top = Number.NEGATIVE_INFINITY;
  for (let j = 0; j < N; j++) top = Math.max(top, x.data[row * N + j]!);
  let sum = 0;
  for (let j = 0; j < N; j++) sum += Math.exp(x.data[row * N + j]! - top);
  return { top, sum };
}

/** Relative error of exp(x_j - max) and of their sum in f32, when each x is off by up to `e`. */
export function expRowError(x: NdArray, ex: NdArray | null, row: number): { term: (j: number) => number; sum: number } {
  const N = x.shape[1]!;
  const { top, sum } = rowExpSum(x, row);
  let largest = 0;
  for (let j = 0; j < N; j++) largest = Math.max(largest, errorAt(ex, row * N + j));
  const term = (j: number): number => {
    const d = Math.abs(x.data[row * N + j]! - top);
    const rounding = U * d + 2 * (3 + 2 * Math.min(d, 104)) * U;
    return Math.expm1(errorAt(ex, row * N + j) + largest) + rounding;
  };
  let weighted = 0;
  for (let j = 0; j < N; j++) weighted += (Math.exp(x.data[row * N + j]! - top) / sum) * term(j);
  return { term, sum: weighted + gamma(N) };
}
