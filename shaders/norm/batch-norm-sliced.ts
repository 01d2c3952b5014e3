import { finiteTests, flatMain, flatType, read, rowMain, storage, sumReduce, totalOf, write } from "../common.ts";
import { paramBlock } from "../params.ts";
import { wgsl } from "../wgsl.ts";
import { batchNormGradientOf, moveRunning, notFinite, RUNNING_WORKGROUP, runningFactor } from "./batch-norm.ts";
import { channelFields, countOf, eachOfChannel } from "./channels.ts";
import { corrected, layerNormOf, normalised, rstdOf } from "./layer-norm.ts";
import { type PlaneForm, planeMain, planeParams } from "./planes.ts";
import { ROW_WORKGROUP, rowSum, STRIDE } from "./rows.ts";

/**
 * Batch normalisation in three launches, for channels of many elements and for values that are bound in parts: statistics of
 * slices of `width` elements, a workgroup each; their merging, in the order of the slices; and what is made of every element.
 */

/** `slices` a channel has in this launch, of `all` in all, the first of them the one numbered `first`. `width` may count fours. */
export const sliceParams = paramBlock({
  rows: "u32",
  ...channelFields,
  slices: "u32",
  width: "u32",
  all: "u32",
  first: "u32",
});
export const mergeParams = paramBlock({
  size: "u32",
  slices: "u32",
  width: "u32",
  count: "u32",
  momentum: "f32",
  eps: "f32",
});

/** Entry point of the first launch: which slice of which channel, from where to where. */
const sliceMain = (four: boolean, body: string): string =>
  rowMain(
    wgsl`
  let channel = row / params.slices;
  let begin = row % params.slices * params.width;
  let to = min(begin + params.width, params.count);
  let count = ${countOf("(to - begin)", four)};
  let part = 2u * (channel * params.all + params.first + row % params.slices);
${body}
`,
    ROW_WORKGROUP,
  );
const each = (body: string): string => eachOfChannel("channel", "(begin + local)", "to", STRIDE, body);

/** parts [channels, slices, 2]: mean of a slice, and sum of squared distances to it. */
export function batchNormSlices(four: boolean): string {
  const type = flatType(four);
  return wgsl`
${sliceParams.wgsl}
${storage(read("x", type), write("parts"))}
${rowSum}
${sliceMain(
  four,
  wgsl`
  var sum = ${type}();
  ${each("sum += x[at];")}
  var mu = reduceSum((${totalOf(four, "sum")}) / count, local);
  sum = ${type}();
  ${each("sum += x[at] - mu;")}
  mu = ${corrected("mu", `reduceSum(${totalOf(four, "sum")}, local)`)};
  var ownDistances = ${type}();
  ${each("let d = x[at] - mu; ownDistances = fma(d, d, ownDistances);")}
  let distances = reduceSum(${totalOf(four, "ownDistances")}, local);
  if (local == 0u) { parts[part] = mu; parts[part + 1u] = distances; }
`,
)}
`;
}

/** The mean `mu` of a channel's first parts, which are means of its slices; `c` is the channel. */
const mergedMean = wgsl`
    let first = c * params.slices;
    let count = f32(params.count);
    var mu = 0.0;
    for (var s = 0u; s < params.slices; s++) { mu = fma(${sliceSize("s")} / count, parts[2u * (first + s)], mu); }
    var rest = 0.0;
    for (var s = 0u; s < params.slices; s++) { rest = fma(${sliceSize("s")}, parts[2u * (first + s)] - mu, rest); }
    mu = ${corrected("mu", "rest")};
`;

function sliceSize(slice: string): string {
  return `f32(min(params.width, params.count - ${slice} * params.width))`;
}

/** mean, rstd, squares [channels] from the slices, and the running statistics: one workgroup, an invocation a channel. */
export function batchNormMerge(): string {
  return wgsl`
${mergeParams.wgsl}
${storage(read("parts"), write("mean"), write("rstd"), write("squares"), write("running"))}
${finiteTests}
${sumReduce(RUNNING_WORKGROUP)}
@compute @workgroup_size(${RUNNING_WORKGROUP})
fn main(@builtin(local_invocation_index) local: u32) {
  let batches = running[2u * params.size];
  let factor = ${runningFactor("params.momentum", "batches")};
  var bad = 0.0;
  for (var c = local; c < params.size; c += ${RUNNING_WORKGROUP}u) {
${mergedMean}
    var all = 0.0;
    for (var s = 0u; s < params.slices; s++) {
      let d = parts[2u * (first + s)] - mu;
      all += fma(${sliceSize("s")} * d, d, parts[2u * (first + s) + 1u]);
    }
    mean[c] = mu;
    rstd[c] = ${rstdOf("all", "params.eps")};
    squares[c] = all;
    bad += ${notFinite("mu", "all")};
  }
${moveRunning("params.size", "f32(params.count)")}
}
`;
}

/** y from mean and rstd. */
export function batchNormApply(form: PlaneForm, four: boolean): string {
  const type = flatType(four);
  return wgsl`
${planeParams.wgsl}
${storage(read("x", type), read("gamma"), read("beta"), read("mean"), read("rstd"), write("y", type))}
${planeMain(
  form,
  "  let mu = mean[channel]; let r = rstd[channel]; let g = gamma[channel]; let b = beta[channel];",
  `    y[i] = ${layerNormOf("x[i]", "g", "b")};`,
)}
`;
}

/** y from running means and variances; `extra` is epsilon. */
export function batchNormInference(form: PlaneForm, four: boolean): string {
  const type = flatType(four);
  return wgsl`
${planeParams.wgsl}
${storage(read("x", type), read("gamma"), read("beta"), read("running"), write("y", type))}
${planeMain(
  form,
  `  let mu = running[channel]; let r = 1.0 / sqrt(running[params.channels + channel] + params.extra);
  let g = gamma[channel]; let b = beta[channel];`,
  `    y[i] = ${layerNormOf("x[i]", "g", "b")};`,
)}
`;
}

/** parts [channels, slices, 2]: mean of dy over a slice, and sum of dy xhat. */
export function batchNormGradientSlices(four: boolean): string {
  const type = flatType(four);
  return wgsl`
${sliceParams.wgsl}
${storage(read("dy", type), read("x", type), read("mean"), read("rstd"), write("parts"))}
${rowSum}
${sliceMain(
  four,
  wgsl`
  let mu = mean[channel];
  let r = rstd[channel];
  var sum = ${type}();
  var ownDyx = ${type}();
  ${each(`let d = dy[at]; sum += d; ownDyx = fma(d, ${normalised("x[at]")}, ownDyx);`)}
  var meanDy = reduceSum((${totalOf(four, "sum")}) / count, local);
  let sumDyx = reduceSum(${totalOf(four, "ownDyx")}, local);
  var rest = ${type}();
  ${each("rest += dy[at] - meanDy;")}
  meanDy = ${corrected("meanDy", `reduceSum(${totalOf(four, "rest")}, local)`)};
  if (local == 0u) { parts[part] = meanDy; parts[part + 1u] = sumDyx; }
`,
)}
`;
}

/** dgamma, dbeta and the mean of dy, an invocation a channel. */
export function batchNormGradientMerge(): string {
  return wgsl`
${mergeParams.wgsl}
${storage(read("parts"), write("dgamma"), write("dbeta"), write("means"))}
${flatMain(wgsl`
    let c = i;
${mergedMean}
    var sum = 0.0;
    for (var s = 0u; s < params.slices; s++) { sum += parts[2u * (first + s) + 1u]; }
    dgamma[c] = sum;
    dbeta[c] = mu * count;
    means[c] = mu;
`)}
`;
}

/** dx; `extra` is the number of a channel's elements. */
export function batchNormGradientApply(form: PlaneForm, four: boolean): string {
  const type = flatType(four);
  return wgsl`
${planeParams.wgsl}
${storage(
  read("dy", type),
  read("x", type),
  ...["gamma", "mean", "rstd", "dgamma", "means"].map((name) => read(name)),
  write("dx", type),
)}
${planeMain(
  form,
  `  let mu = mean[channel]; let r = rstd[channel]; let factor = gamma[channel] * r;
  let meanDy = means[channel]; let meanDyx = dgamma[channel] / params.extra;`,
  `    let xhat = ${normalised("x[i]")}; dx[i] = ${batchNormGradientOf("dy[i]")};`,
)}
`;
}
