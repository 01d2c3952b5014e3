import type { NdArray } from "../../core/ndarray.ts";
import { normals, STREAM } from "../../core/philox.ts";
import type { CaseInput, Errors, OpCase, Proof } from "../../graph/op.ts";
import { boundLike, errorAt, TINY, U } from "../shared/rounding.ts";
import { channelLayout } from "./channels.ts";
import { gradientBound, meanError, normBound, scaleGradientBounds } from "./norm-bound.ts";
import { filled, noise, saved } from "./norm-cases.ts";
import type { BatchNormAttrs } from "./running.ts";

export const batchNorm: Proof<BatchNormAttrs> = {
  bound(inputs, errors, outputs, attrs) {
    const { y, mean, rstd, variance } = normBound(channelLayout(inputs[0]!.shape), inputs, errors, outputs);
    return [y, mean, rstd, runningBound(inputs, errors, outputs, { mean, variance }, attrs)];
  },
  cases: [
    ...shapes().map((shape, i) => normCase(shape, { eps: 1e-5, momentum: i % 2 ? null : 0.1 })),
    { ...normCase([4, 3, 2], { eps: 1e-3, momentum: null }), name: "the first batch of a mean of all", ...fresh(3) },
    ...farChannels().map(({ name, shape, values }) => ({
      name,
      inputs: [filled(shape, values), filled([shape[1]!], [1]), filled([shape[1]!], [0]), running(shape[1]!)],
      attrs: { eps: 1e-5, momentum: 0.1 },
    })),
  ],
};

/** The batch's own errors, times how far running goes to them, and the roundings on the way. */
function runningBound(
  [x, , , running]: readonly NdArray[],
  [, , , erunning]: Errors,
  [, mean, rstd, after]: readonly NdArray[],
  e: { readonly mean: NdArray; readonly variance: Float64Array },
  { eps, momentum }: BatchNormAttrs,
): NdArray {
  const out = boundLike(after!);
  const c = mean!.data.length;
  const { count } = channelLayout(x!.shape);
  const factor = momentum ?? 1 / Math.max(1, after!.data[2 * c]!);
  const unbiased = count / (count - 1);
  for (let k = 0; k < 2 * c; k++) {
    const channel = k % c;
    const variance = Math.max(0, 1 / rstd!.data[channel]! ** 2 - eps) * unbiased;
    const batch = k < c ? Math.abs(mean!.data[channel]!) : variance;
    const error = k < c ? e.mean.data[channel]! : e.variance[channel]! * unbiased + 6 * U * variance;
    // `running` may hold what it was before or what it is after: of the one before, no more is left than this.
    const before = Math.max(Math.abs(running!.data[k]!), Math.abs(after!.data[k]!) + factor * batch);
    out.data[k] = factor * error + errorAt(erunning, k) + 8 * U * (before + factor * (batch + error)) + TINY;
  }
  return out;
}

export const batchNormGradient: Proof<null> = {
  bound([dy, x, gamma, mean, rstd], [edy, ex, egamma, emean, erstd], [dx]) {
    const layout = channelLayout(x!.shape);
    const { groups, count, at } = layout;
    const own = gradientBound(layout, [dy!, x!, null, mean!, rstd!], [edy!, ex!, null, emean!, erstd!]);
    for (let c = 0; c < groups; c++) {
      const size = Math.abs(gamma!.data[c]!);
      const error = errorAt(egamma, c);
      for (let j = 0; j < count; j++) {
        const i = at(c, j);
        const slope = size > 0 ? Math.abs(dx!.data[i]!) / size : slopeAt(c, i);
        own.data[i] = own.data[i]! * (size + error) + slope * error + 3 * U * Math.abs(dx!.data[i]!) + TINY;
      }
    }
    const scales = scaleGradientBounds(layout, [dy!, x!, mean!, rstd!], [edy!, ex!, emean!, erstd!], groups);
    // dbeta is a mean times its number of terms.
    for (let c = 0; c < groups; c++) {
      const eMean = meanError(
        layout,
        (j) => dy!.data[at(c, j)]!,
        (j) => errorAt(edy, at(c, j)),
      );
      scales.dbeta.data[c] = Math.max(scales.dbeta.data[c]!, count * eMean * (1 + 2 * U)) + U * sumOfDy(c);
    }
    return [own, scales.dgamma, scales.dbeta];

    /** At most what dx would be for a gamma of 1, where gamma is 0 and dx does not tell. */
    function slopeAt(c: number, i: number): number {
      const xhat = (k: number): number => Math.abs((x!.data[k]! - mean!.data[c]!) * rstd!.data[c]!);
      let [sum, sumDyx] = [0, 0];
      for (let j = 0; j < count; j++) {
        const d = Math.abs(dy!.data[at(c, j)]!) / count;
        sum += d;
        sumDyx += d * xhat(at(c, j));
      }
      return Math.abs(rstd!.data[c]!) * (Math.abs(dy!.data[i]!) + sum + xhat(i) * sumDyx);
    }

    function sumOfDy(c: number): number {
      let sum = 0;
      for (let j = 0; j < count; j++) sum += dy!.data[at(c, j)]!;
      return Math.abs(sum);
    }
  },
  cases: [
    ...shapes().map((shape) => gradientCase(shape)),
    // Gradients far from 0, which all but cancel, behind channels that are nearly constant.
    ...farChannels().map(({ name, shape, values }) => {
      const c = shape[1]!;
      return {
        name,
        inputs: [filled(shape, values), filled(shape, [0.1]), filled([c], [1]), filled([c], [0.1]), filled([c], [300])],
        attrs: null,
      };
    }),
  ],
};

export const batchNormInference: Proof<{ readonly eps: number }> = {
  bound([x, gamma, beta, running], [ex, egamma, ebeta, erunning], [y], { eps }) {
    const { groups, count, at } = channelLayout(x!.shape);
    const out = boundLike(y!);
    for (let c = 0; c < groups; c++) {
      const variance = running!.data[groups + c]! + eps;
      const r = 1 / Math.sqrt(variance);
      const eR =
        ((0.5 * errorAt(erunning, groups + c)) / Math.max(TINY, variance - errorAt(erunning, groups + c)) + 8 * U) * r;
      const g = Math.abs(gamma!.data[c]!);
      const eG = errorAt(egamma, c);
      for (let j = 0; j < count; j++) {
        const i = at(c, j);
        const d = Math.abs(x!.data[i]! - running!.data[c]!);
        const eD = errorAt(ex, i) + errorAt(erunning, c) + U * d;
        const eX = eD * (r + eR) + d * eR + 2 * U * d * r;
        const product = d * r * g;
        out.data[i] =
          eX * (g + eG) + d * r * eG + errorAt(ebeta, c) + 4 * U * (product + Math.abs(beta!.data[c]!)) + TINY;
      }
    }
    return [out];
  },
  cases: shapes().map((shape) => ({ ...normCase(shape, { eps: 1e-5, momentum: 0 }), attrs: { eps: 1e-5 } })),
};

/** Running statistics after four batches. */
function running(c: number): CaseInput {
  return filled(
    [2 * c + 1],
    Array.from({ length: 2 * c + 1 }, (_, k) => (k < c ? 0.3 * k - 1 : k < 2 * c ? 0.5 + 0.25 * (k - c) : 4)),
  );
}

/** The inputs of a run's first batch: running means of 0, variances of 1, no batches. */
function fresh(c: number): { readonly inputs: readonly CaseInput[] } {
  const start = Array.from({ length: 2 * c + 1 }, (_, k) => (k >= c && k < 2 * c ? 1 : 0));
  return {
    inputs: [...normCase([4, c, 2], { eps: 0, momentum: null }).inputs.slice(0, 3), filled([2 * c + 1], start)],
  };
}

function farChannels(): readonly { name: string; shape: readonly number[]; values: ArrayLike<number> }[] {
  return [
    { name: "5x3x4x5, all 7348.709", shape: [5, 3, 4, 5], values: [7348.709] },
    { name: "24x1x32x32, all 7348.709", shape: [24, 1, 32, 32], values: [7348.709] },
    { name: "images around -2, 3 and 40", shape: [3, 1, 45, 45], values: images([-2, 3, 40], 45 * 45) },
    { name: "7x2, all -0.1", shape: [7, 2], values: [-0.1] },
    { name: "6x2x100, close to 10000", shape: [6, 2, 100], values: noise(10000, 0.01) },
    { name: "4x2, close to -3", shape: [4, 2], values: noise(-3, 1e-4) },
  ];
}

/** Images of one channel, each around a value of its own: slices of a channel then differ in their means. */
function images(around: readonly number[], places: number): Float32Array {
  return normals(8, STREAM.check, 0, around.length * places).map((v, i) => around[Math.floor(i / places)]! + v);
}

function shapes(): readonly (readonly number[])[] {
  return [
    [2, 1],
    [1, 1, 2],
    [3, 5, 1, 1],
    [17, 3],
    [130, 70],
    [5, 3, 7, 9],
    [2, 6, 65],
    [3, 2, 40, 50],
  ];
}

function normCase(shape: readonly number[], attrs: BatchNormAttrs): OpCase<BatchNormAttrs> {
  const c = shape[1]!;
  const inputs: CaseInput[] = [shape, [c], [c]].map((s) => ({ shape: s, dtype: "f32" }));
  return { name: shape.join("x"), inputs: [...inputs, running(c)], attrs };
}

function gradientCase(shape: readonly number[]): OpCase<null> {
  const c = shape[1]!;
  return { name: shape.join("x"), inputs: saved([shape, shape, [c], [c], [c]]), attrs: null };
}
