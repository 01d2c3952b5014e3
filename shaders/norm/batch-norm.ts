import {
  finiteTests,
  flatType,
  type ReduceWidth,
  read,
  rowMain,
  storage,
  sumReduce,
  totalOf,
  write,
} from "../common.ts";
import { paramBlock } from "../params.ts";
import { wgsl } from "../wgsl.ts";
import { channelParams, countOf, eachOfChannel, eachOfPlanes } from "./channels.ts";
import { corrected, layerNormOf, normalised, rstdOf } from "./layer-norm.ts";
import type { PlaneForm } from "./planes.ts";

/** Batch normalisation of x [n, channels, ...places]; `count` in the formulas is the number of a channel's elements. */

/** A part of the gradient that all elements of a channel share: gamma rstd. */
export const batchNormGradientOf = (dy: string): string => `factor * (${dy} - meanDy - xhat * meanDyx)`;

const eachBy =
  (form: PlaneForm, width: ReduceWidth) =>
  (body: string): string =>
    form === "plane"
      ? eachOfPlanes("row", width, body)
      : eachOfChannel("row", "local", "params.count", `${width}u`, body);

/**
 * A workgroup of so many invocations a channel: y, mean, rstd, and the sum of squared distances to the mean. An invocation
 * takes elements one by one, or by `four` of an image.
 */
export function batchNormAlone(form: PlaneForm, width: ReduceWidth, four: boolean): string {
  const type = flatType(four);
  const each = eachBy(form, width);
  return wgsl`
${channelParams.wgsl}
${storage(
  ...[read("x", type), read("gamma"), read("beta")],
  ...[write("y", type), write("mean"), write("rstd"), write("squares")],
)}
${sumReduce(width)}
${rowMain(
  wgsl`
  let count = ${countOf("params.count", four)};
  var sum = ${type}();
  ${each("sum += x[at];")}
  var mu = reduceSum((${totalOf(four, "sum")}) / count, local);
  sum = ${type}();
  ${each("sum += x[at] - mu;")}
  mu = ${corrected("mu", `reduceSum(${totalOf(four, "sum")}, local)`)};
  var ownDistances = ${type}();
  ${each("let d = x[at] - mu; ownDistances = fma(d, d, ownDistances);")}
  let distances = reduceSum(${totalOf(four, "ownDistances")}, local);
  let r = ${rstdOf("distances", "params.extra")};
  let g = gamma[row];
  let b = beta[row];
  ${each(`y[at] = ${layerNormOf("x[at]", "g", "b")};`)}
  if (local == 0u) { mean[row] = mu; rstd[row] = r; squares[row] = distances; }
`,
  width,
)}
`;
}

export const batchNormRunningParams = paramBlock({ channels: "u32", count: "f32", momentum: "f32" });
/** Invocations of the one workgroup that moves the running statistics. */
export const RUNNING_WORKGROUP = 256;

/** How far running statistics go to those of the batch: momentum, or below 0 what makes them the mean of all batches. */
export const runningFactor = (momentum: string, batches: string): string =>
  `select(${momentum}, 1.0 / (${batches} + 1.0), ${momentum} < 0.0)`;
export const moved = (old: string, batch: string): string => `fma(factor, ${batch}, (1.0 - factor) * ${old})`;
/** 1 where the statistics of a channel are not finite. */
export const notFinite = (mean: string, squares: string): string =>
  `select(0.0, 1.0, isNotFinite(${mean}) | isNotFinite(${squares}))`;

/** Running statistics go to mean and unbiased variance of the batch, unless any of them is not finite. */
export const moveRunning = (channels: string, count: string): string => wgsl`
  if (reduceSum(bad, local) > 0.0) { return; }
  for (var c = local; c < ${channels}; c += ${RUNNING_WORKGROUP}u) {
    running[c] = ${moved("running[c]", "mean[c]")};
    let k = ${channels} + c;
    running[k] = ${moved("running[k]", `squares[c] / (${count} - 1.0)`)};
  }
  if (local == 0u) { running[2u * ${channels}] = batches + 1.0; }
`;

/** running [2 channels + 1] by itself, in one workgroup. */
export function batchNormRunning(): string {
  return wgsl`
${batchNormRunningParams.wgsl}
${storage(read("mean"), read("squares"), write("running"))}
${finiteTests}
${sumReduce(RUNNING_WORKGROUP)}
@compute @workgroup_size(${RUNNING_WORKGROUP})
fn main(@builtin(local_invocation_index) local: u32) {
  let batches = running[2u * params.channels];
  let factor = ${runningFactor("params.momentum", "batches")};
  var bad = 0.0;
  for (var c = local; c < params.channels; c += ${RUNNING_WORKGROUP}u) { bad += ${notFinite("mean[c]", "squares[c]")}; }
${moveRunning("params.channels", "params.count")}
}
`;
}

/** The same for dx, dgamma, dbeta. */
export function batchNormGradientAlone(form: PlaneForm, width: ReduceWidth, four: boolean): string {
  const type = flatType(four);
  const each = eachBy(form, width);
  return wgsl`
${channelParams.wgsl}
${storage(
  ...[read("dy", type), read("x", type), read("gamma"), read("mean"), read("rstd")],
  ...[write("dx", type), write("dgamma"), write("dbeta")],
)}
${sumReduce(width)}
${rowMain(
  wgsl`
  let count = ${countOf("params.count", four)};
  let mu = mean[row];
  let r = rstd[row];
  var sum = ${type}();
  var ownDyx = ${type}();
  ${each(`let d = dy[at]; sum += d; ownDyx = fma(d, ${normalised("x[at]")}, ownDyx);`)}
  var meanDy = reduceSum((${totalOf(four, "sum")}) / count, local);
  let sumDyx = reduceSum(${totalOf(four, "ownDyx")}, local);
  let meanDyx = sumDyx / count;
  var rest = ${type}();
  ${each("rest += dy[at] - meanDy;")}
  meanDy = ${corrected("meanDy", `reduceSum(${totalOf(four, "rest")}, local)`)};
  let factor = gamma[row] * r;
  ${each(`let xhat = ${normalised("x[at]")}; dx[at] = ${batchNormGradientOf("dy[at]")};`)}
  if (local == 0u) { dgamma[row] = sumDyx; dbeta[row] = meanDy * count; }
`,
  width,
)}
`;
}
