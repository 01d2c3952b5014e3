import type { NdArray } from "../../core/ndarray.ts";
import type { Errors } from "../../graph/op.ts";
import { boundLike, errorAt, gamma as roundings, TINY, U } from "../shared/rounding.ts";
import type { NormLayout } from "./norm-layout.ts";

/** Error bounds of normalisation, first order in the inputs' errors, rounding as in shaders/norm/layer-norm.ts. */

/**
 * Error of the mean of N values with errors of their own, computed as the kernels do: the mean of the distances to a first
 * mean is added to that. What is left is the rounding of the result, and that of sums of distances.
 */
export function meanError(
  { count: N, meanRoundings }: Pick<NormLayout, "count" | "meanRoundings">,
  value: (j: number) => number,
  error: (j: number) => number,
): number {
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
  return carried + (c + U) * distance + meanRoundings * U * Math.abs(mean) + TINY;
}

/** Bounds of y, mean, rstd, and of the biased variance. */
export function normBound(
  layout: NormLayout,
  [x, gamma, beta]: readonly NdArray[],
  [ex, egamma, ebeta]: Errors,
  [y, mean, rstd]: readonly NdArray[],
): { y: NdArray; mean: NdArray; rstd: NdArray; variance: Float64Array } {
  const { groups, count, centred, at, scale } = layout;
  const out = {
    y: boundLike(y!),
    mean: boundLike(mean!),
    rstd: boundLike(rstd!),
    variance: new Float64Array(groups),
  };
  const c = roundings(count + 4);
  for (let group = 0; group < groups; group++) {
    const mu = mean!.data[group]!;
    const r = rstd!.data[group]!;
    const eMean = centred
      ? meanError(
          layout,
          (j) => x!.data[at(group, j)]!,
          (j) => errorAt(ex, at(group, j)),
        )
      : 0;
    let variance = 0;
    let eVariance = 0;
    for (let j = 0; j < count; j++) {
      const d = Math.abs(x!.data[at(group, j)]! - mu);
      const e = errorAt(ex, at(group, j)) + eMean + U * d;
      variance += (d * d) / count;
      eVariance += (2 * d * e + e * e) / count;
    }
    eVariance += c * (variance + eVariance);
    const eR = 0.5 * r ** 3 * eVariance * 1.5 + 8 * U * r;
    out.mean.data[group] = eMean;
    out.rstd.data[group] = eR;
    out.variance[group] = eVariance;
    for (let j = 0; j < count; j++) {
      const i = at(group, j);
      const k = scale(group, j);
      const d = Math.abs(x!.data[i]! - mu);
      const eD = errorAt(ex, i) + eMean + U * d;
      const xhat = d * r;
      const eX = eD * (r + eR) + d * eR + 2 * U * xhat;
      const g = Math.abs(gamma!.data[k]!);
      const eP = eX * (g + errorAt(egamma, k)) + xhat * errorAt(egamma, k) + 2 * U * xhat * g;
      out.y.data[i] = eP + errorAt(ebeta, k) + 2 * U * (xhat * g + Math.abs(beta?.data[k] ?? 0)) + TINY;
    }
  }
  return out;
}

/** |xhat| and its error at element i of a group. */
function normalised(
  x: NdArray,
  mean: NdArray,
  rstd: NdArray,
  [ex, emean, erstd]: Errors,
  i: number,
  group: number,
): { xhat: number; eX: number } {
  const d = Math.abs(x.data[i]! - mean.data[group]!);
  const eD = errorAt(ex, i) + errorAt(emean, group) + U * d;
  const r = Math.abs(rstd.data[group]!);
  const eR = errorAt(erstd, group);
  return { xhat: d * r, eX: eD * (r + eR) + d * eR + 2 * U * d * r };
}

/** Bound of dx; a gamma of null is a scale of 1. */
export function gradientBound(
  layout: NormLayout,
  [dy, x, gamma, mean, rstd]: readonly (NdArray | null)[],
  [edy, ex, egamma, emean, erstd]: Errors,
): NdArray {
  const { groups, count, centred, at, scale } = layout;
  const out = boundLike(x!);
  const c = roundings(count + 4);
  for (let group = 0; group < groups; group++) {
    const r = Math.abs(rstd!.data[group]!);
    const g = new Float64Array(count);
    const eG = new Float64Array(count);
    const parts = [];
    let sumG = 0;
    let sumGx = 0;
    let sizeGx = 0;
    let eSumGx = 0;
    for (let j = 0; j < count; j++) {
      const i = at(group, j);
      const k = scale(group, j);
      const b = gamma ? gamma.data[k]! : 1;
      g[j] = dy!.data[i]! * b;
      const size = Math.abs(g[j]!);
      const eB = errorAt(egamma, k);
      eG[j] = errorAt(edy, i) * (Math.abs(b) + eB) + Math.abs(dy!.data[i]!) * eB + (gamma ? U * size : 0);
      const part = normalised(x!, mean!, rstd!, [ex ?? null, emean ?? null, erstd ?? null], i, group);
      parts.push(part);
      if (centred) sumG += g[j]! / count;
      sumGx += (g[j]! * (x!.data[i]! - mean!.data[group]!) * rstd!.data[group]!) / count;
      sizeGx += (size * part.xhat) / count;
      eSumGx += (eG[j]! * (part.xhat + part.eX) + size * part.eX) / count;
    }
    const eSumG = centred
      ? meanError(
          layout,
          (j) => g[j]!,
          (j) => eG[j]!,
        )
      : 0;
    eSumGx += c * (sizeGx + eSumGx);
    for (let j = 0; j < count; j++) {
      const { xhat, eX } = parts[j]!;
      // What lies far from 0 is taken away exactly but for its own error: sums round by what is left.
      const inner = Math.abs(g[j]! - sumG) + xhat * Math.abs(sumGx);
      const eInner =
        eG[j]! + eSumG + xhat * eSumGx + eX * (Math.abs(sumGx) + eSumGx) + 4 * U * (inner + eG[j]! + eSumG);
      out.data[at(group, j)] = eInner * (r + errorAt(erstd, group)) + inner * (errorAt(erstd, group) + U * r) + TINY;
    }
  }
  return out;
}

/** Bounds of dgamma and dbeta, `scales` of each. */
export function scaleGradientBounds(
  { groups, count, at, scale }: NormLayout,
  [dy, x, mean, rstd]: readonly NdArray[],
  [edy, ex, emean, erstd]: Errors,
  scales: number,
): { dgamma: NdArray; dbeta: NdArray } {
  const shape = { shape: [scales], dtype: "f64", data: new Float64Array(scales) } as const;
  const out = { dgamma: boundLike(shape), dbeta: boundLike(shape) };
  const size = { dgamma: new Float64Array(scales), dbeta: new Float64Array(scales) };
  const terms = new Float64Array(scales);
  for (let group = 0; group < groups; group++) {
    for (let j = 0; j < count; j++) {
      const i = at(group, j);
      const k = scale(group, j);
      const { xhat, eX } = normalised(x!, mean!, rstd!, [ex ?? null, emean ?? null, erstd ?? null], i, group);
      const a = Math.abs(dy!.data[i]!);
      size.dgamma[k]! += a * xhat;
      size.dbeta[k]! += a;
      out.dgamma.data[k]! += errorAt(edy, i) * (xhat + eX) + a * eX;
      out.dbeta.data[k]! += errorAt(edy, i);
      terms[k]!++;
    }
  }
  for (const key of ["dgamma", "dbeta"] as const) {
    for (let k = 0; k < scales; k++) {
      const carried = out[key].data[k]!;
      out[key].data[k] = carried + roundings(terms[k]! + 3) * (size[key][k]! + carried) + terms[k]! * TINY;
    }
  }
  return out;
}
