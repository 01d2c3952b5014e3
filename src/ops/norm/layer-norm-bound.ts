import type { NdArray } from "../../core/ndarray.ts";
import type { Errors } from "../../graph/op.ts";
import { boundLike, errorAt, gamma as roundings, TINY, U } from "../shared/rounding.ts";

/** Error bounds of layer normalisation, first order in the inputs' errors, rounding as in shaders/norm/layer-norm.ts. */

/**
 * Error of the mean of N values with errors of their own, computed as the kernels do: the mean of the distances to a first
 * mean is added to that. What is left is the rounding of the result, and that of sums of distances.
 */
function meanError(N: number, value: (j: number) => number, error: (j: number) => number): number {
  const c = roundings(N + 4);
  let mean = 0;
  let size = 0;
  let carried = 0;
  for (let j = 0; j < N; j++) {
    mean += value(j) / N;
    size += Math.abs(value(j)) / N;
    carried += error(j) / N;
  }
  const first = c * (size + carried);
  let distance = first + carried;
  for (let j = 0; j < N; j++) distance += (Math.abs(value(j) - mean) + error(j)) / N;
  return carried + (c + U) * distance + U * Math.abs(mean) + TINY;
}

export function normBound(
  [x, gamma, beta]: readonly NdArray[],
  [ex, egamma, ebeta]: Errors,
  [y, mean, rstd]: readonly NdArray[],
): readonly NdArray[] {
  const [M, N] = x!.shape as readonly [number, number];
  const out = { y: boundLike(y!), mean: boundLike(mean!), rstd: boundLike(rstd!) };
  const c = roundings(N + 4);
  for (let row = 0; row < M; row++) {
    const mu = mean!.data[row]!;
    const r = rstd!.data[row]!;
    const eMean = meanError(
      N,
      (j) => x!.data[row * N + j]!,
      (j) => errorAt(ex, row * N + j),
    );
    let variance = 0;
    let eVariance = 0;
    for (let i = row * N; i < row * N + N; i++) {
      const d = Math.abs(x!.data[i]! - mu);
      const e = errorAt(ex, i) + eMean + U * d;
      variance += (d * d) / N;
      eVariance += (2 * d * e + e * e) / N;
    }
    eVariance += c * (variance + eVariance);
    const eR = 0.5 * r ** 3 * eVariance * 1.5 + 8 * U * r;
    out.mean.data[row] = eMean;
    out.rstd.data[row] = eR;
    for (let j = 0; j < N; j++) {
      const i = row * N + j;
      const d = Math.abs(x!.data[i]! - mu);
      const eD = errorAt(ex, i) + eMean + U * d;
      const xhat = d * r;
      const eX = eD * (r + eR) + d * eR + 2 * U * xhat;
      const g = Math.abs(gamma!.data[j]!);
      const eP = eX * (g + errorAt(egamma, j)) + xhat * errorAt(egamma, j) + 2 * U * xhat * g;
      out.y.data[i] = eP + errorAt(ebeta, j) + 2 * U * (xhat * g + Math.abs(beta!.data[j]!)) + TINY;
    }
  }
  return [out.y, out.mean, out.rstd];
}

/** |xhat| and its error at element i of row `row`. */
function normalised(
  x: NdArray,
  mean: NdArray,
  rstd: NdArray,
  [ex, emean, erstd]: Errors,
  i: number,
  row: number,
): { xhat: number; eX: number } {
  const d = Math.abs(x.data[i]! - mean.data[row]!);
  const eD = errorAt(ex, i) + errorAt(emean, row) + U * d;
  const r = Math.abs(rstd.data[row]!);
  const eR = errorAt(erstd, row);
  return { xhat: d * r, eX: eD * (r + eR) + d * eR + 2 * U * d * r };
}

export function gradientBound(
  [dy, x, gamma, mean, rstd]: readonly NdArray[],
  [edy, ex, egamma, emean, erstd]: Errors,
  [dx]: readonly NdArray[],
): readonly NdArray[] {
  const [M, N] = x!.shape as readonly [number, number];
  const out = boundLike(dx!);
  const c = roundings(N + 4);
  for (let row = 0; row < M; row++) {
    const r = Math.abs(rstd!.data[row]!);
    const g = new Float64Array(N);
    const eG = new Float64Array(N);
    const parts = [];
    let sumG = 0;
    let sumGx = 0;
    let sizeGx = 0;
    let eSumGx = 0;
    for (let j = 0; j < N; j++) {
      const i = row * N + j;
      const a = Math.abs(dy!.data[i]!);
      const b = Math.abs(gamma!.data[j]!);
      g[j] = a * b;
      eG[j] = errorAt(edy, i) * (b + errorAt(egamma, j)) + a * errorAt(egamma, j) + U * a * b;
      const part = normalised(x!, mean!, rstd!, [ex ?? null, emean ?? null, erstd ?? null], i, row);
      parts.push(part);
      const signed = dy!.data[i]! * gamma!.data[j]!;
      sumG += signed / N;
      sumGx += (signed * (x!.data[i]! - mean!.data[row]!) * rstd!.data[row]!) / N;
      sizeGx += (g[j]! * part.xhat) / N;
      eSumGx += (eG[j]! * (part.xhat + part.eX) + g[j]! * part.eX) / N;
    }
    const eSumG = meanError(
      N,
      (j) => dy!.data[row * N + j]! * gamma!.data[j]!,
      (j) => eG[j]!,
    );
    eSumGx += c * (sizeGx + eSumGx);
    for (let j = 0; j < N; j++) {
      const { xhat, eX } = parts[j]!;
      // What lies far from 0 is taken away exactly but for its own error: sums round by what is left.
      const inner = Math.abs(dy!.data[row * N + j]! * gamma!.data[j]! - sumG) + xhat * Math.abs(sumGx);
      const eInner =
        eG[j]! + eSumG + xhat * eSumGx + eX * (Math.abs(sumGx) + eSumGx) + 4 * U * (inner + eG[j]! + eSumG);
      out.data[row * N + j] = eInner * (r + errorAt(erstd, row)) + inner * (errorAt(erstd, row) + U * r) + TINY;
    }
  }
  return [out];
}

export function scaleGradientBound(
  [dy, x, mean, rstd]: readonly NdArray[],
  [edy, ex, emean, erstd]: Errors,
  [dgamma]: readonly NdArray[],
): readonly NdArray[] {
  const [M, N] = x!.shape as readonly [number, number];
  const out = boundLike(dgamma!);
  for (let j = 0; j < N; j++) {
    let size = 0;
    let carried = 0;
    for (let row = 0; row < M; row++) {
      const i = row * N + j;
      const { xhat, eX } = normalised(x!, mean!, rstd!, [ex ?? null, emean ?? null, erstd ?? null], i, row);
      const a = Math.abs(dy!.data[i]!);
      size += a * xhat;
      carried += errorAt(edy, i) * (xhat + eX) + a * eX;
    }
    out.data[j] = carried + roundings(M + 3) * (size + carried) + M * TINY;
  }
  return [out];
}
