import type { NdArray } from "../../core/ndarray.ts";
import { floatLike } from "../shared/rounding.ts";

/**
 * Which elements of x share a mean and a variance, and which a scale: all in which layer, group and batch normalisation
 * differ. References and bounds are written over it.
 */
export interface NormLayout {
  /** Groups of elements with statistics of their own. */
  readonly groups: number;
  /** Elements of each. */
  readonly count: number;
  /** False where the mean is not taken away: then it counts as 0. */
  readonly centred: boolean;
  /** How often a mean far from 0 is rounded: once, and once more where means of slices are merged. */
  readonly meanRoundings: number;
  /** Place in x of element j of a group. */
  at(group: number, j: number): number;
  /** Place in gamma and beta of element j of a group. */
  scale(group: number, j: number): number;
}

/** Each row of x [M, N] by itself; gamma [N]. */
export const rowLayout = (M: number, N: number): NormLayout => ({
  groups: M,
  count: N,
  centred: true,
  meanRoundings: 1,
  at: (row, j) => row * N + j,
  scale: (_row, j) => j,
});

/** y = (x - mean) rstd gamma + beta, where there is one, with mean, rstd and biased variance of every group. */
export function normalise(
  { groups, count, centred, at, scale }: NormLayout,
  [x, gamma, beta]: readonly NdArray[],
  eps: number,
): { y: NdArray; mean: NdArray; rstd: NdArray; variance: Float64Array } {
  const y = floatLike(x!, x!.shape);
  const mean = floatLike(x!, [groups]);
  const rstd = floatLike(x!, [groups]);
  const variance = new Float64Array(groups);
  for (let group = 0; group < groups; group++) {
    let sum = 0;
    for (let j = 0; j < count; j++) sum += x!.data[at(group, j)]!;
    const mu = centred ? sum / count : 0;
    let squares = 0;
    for (let j = 0; j < count; j++) squares += (x!.data[at(group, j)]! - mu) ** 2;
    const r = 1 / Math.sqrt(squares / count + eps);
    for (let j = 0; j < count; j++) {
      const i = at(group, j);
      const k = scale(group, j);
      y.data[i] = (x!.data[i]! - mu) * r * gamma!.data[k]! + (beta?.data[k] ?? 0);
    }
    mean.data[group] = mu;
    rstd.data[group] = r;
    variance[group] = squares / count;
  }
  return { y, mean, rstd, variance };
}

/** dx = rstd (g - mean(g) - xhat mean(g xhat)) with g = dy gamma, means over a group. */
export function normaliseGradient(
  { groups, count, centred, at, scale }: NormLayout,
  [dy, x, gamma, mean, rstd]: readonly NdArray[],
): NdArray {
  const dx = floatLike(dy!, x!.shape);
  for (let group = 0; group < groups; group++) {
    const mu = mean!.data[group]!;
    const r = rstd!.data[group]!;
    let sumG = 0;
    let sumGx = 0;
    for (let j = 0; j < count; j++) {
      const i = at(group, j);
      const g = dy!.data[i]! * gamma!.data[scale(group, j)]!;
      if (centred) sumG += g;
      sumGx += g * (x!.data[i]! - mu) * r;
    }
    for (let j = 0; j < count; j++) {
      const i = at(group, j);
      const xhat = (x!.data[i]! - mu) * r;
      dx.data[i] = r * (dy!.data[i]! * gamma!.data[scale(group, j)]! - sumG / count - (xhat * sumGx) / count);
    }
  }
  return dx;
}

/** dgamma [scales] = sum of dy (x - mean) rstd, and dbeta [scales] = sum of dy. */
export function scaleGradients(
  { groups, count, at, scale }: NormLayout,
  [dy, x, mean, rstd]: readonly NdArray[],
  scales: number,
): { dgamma: NdArray; dbeta: NdArray } {
  const sums = [new Float64Array(scales), new Float64Array(scales)] as const;
  for (let group = 0; group < groups; group++) {
    for (let j = 0; j < count; j++) {
      const i = at(group, j);
      const k = scale(group, j);
      sums[0][k]! += dy!.data[i]! * (x!.data[i]! - mean!.data[group]!) * rstd!.data[group]!;
      sums[1][k]! += dy!.data[i]!;
    }
  }
  const [dgamma, dbeta] = [floatLike(dy!, [scales]), floatLike(dy!, [scales])];
  dgamma.data.set(sums[0]);
  dbeta.data.set(sums[1]);
  return { dgamma, dbeta };
}
