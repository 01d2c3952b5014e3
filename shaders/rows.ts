import { maxReduce, read, rowMain, storage, sumReduce, write } from "./common.ts";
import { paramBlock } from "./params.ts";
import { wgsl } from "./wgsl.ts";

/** Kernels over rows, a workgroup for each: softmax, layer normalisation. */
export const ROW_WORKGROUP = 64;
export const STRIDE = `${ROW_WORKGROUP}u`;

/** `extra` is 1 / rows for cross-entropy, epsilon for layer normalisation. */
export const rowParams = paramBlock({ rows: "u32", N: "u32", extra: "f32" });

/** For kernels with one invocation per row; `size` is the number of rows. */
export const shortRowParams = paramBlock({ size: "u32", N: "u32", extra: "f32" });

export const rowSum = sumReduce(ROW_WORKGROUP);
export const rowMax = maxReduce(ROW_WORKGROUP);

/** Largest of row `row` of `x`; every invocation gets it. */
export const largest = wgsl`
  let start = row * params.N;
  var top = -3.4028234e38;
  for (var j = local; j < params.N; j += ${STRIDE}) { top = max(top, x[start + j]); }
  top = reduceMax(top, local);
`;
export const expSum = wgsl`
  var sum = 0.0;
  for (var j = local; j < params.N; j += ${STRIDE}) { sum += exp(x[start + j] - top); }
  sum = reduceSum(sum, local);
`;

/** Elements of rows, from numbers of the row that have been worked out before; the on-chip form uses them too. */
export const softmaxOf = (x: string): string => `exp(${x} - top) / sum`;
export const softmaxGradientOf = (dy: string, y: string): string => `${y} * (${dy} - dot)`;
export const normalised = (x: string): string => `(${x} - mu) * r`;
/** 1 / standard deviation, from the sum of squared distances to the mean. */
export const rstdOf = (squares: string, eps: string): string => `1.0 / sqrt(${squares} / count + ${eps})`;
export const layerNormOf = (x: string, gamma: string, beta: string): string => `${normalised(x)} * ${gamma} + ${beta}`;
/** From dy times gamma, xhat, and the means sumG of g and sumGx of g xhat. */
export const layerNormGradientOf = (g: string): string => `r * (${g} - sumG - xhat * sumGx)`;

/** y = exp(x - max) / sum, row by row. */
export function softmax(): string {
  return wgsl`
${rowParams.wgsl}
${storage(read("x"), write("y"))}
${rowSum}
${rowMax}
${rowMain(
  wgsl`
${largest}
${expSum}
  for (var j = local; j < params.N; j += ${STRIDE}) { y[start + j] = ${softmaxOf("x[start + j]")}; }
`,
  ROW_WORKGROUP,
)}
`;
}

/** dx = y (dy - sum(dy y)), row by row. */
export function softmaxGradient(): string {
  return wgsl`
${rowParams.wgsl}
${storage(read("dy"), read("y"), write("dx"))}
${rowSum}
${rowMain(
  wgsl`
  let start = row * params.N;
  var dot = 0.0;
  for (var j = local; j < params.N; j += ${STRIDE}) { dot += dy[start + j] * y[start + j]; }
  dot = reduceSum(dot, local);
  for (var j = local; j < params.N; j += ${STRIDE}) { dx[start + j] = ${softmaxGradientOf("dy[start + j]", "y[start + j]")}; }
`,
  ROW_WORKGROUP,
)}
`;
}

/** y = (x - mean) rstd gamma + beta; mean and rstd of every row are kept for the gradient. */
export function layerNorm(): string {
  return wgsl`
${rowParams.wgsl}
${storage(read("x"), read("gamma"), read("beta"), write("y"), write("mean"), write("rstd"))}
${rowSum}
${rowMain(
  wgsl`
  let start = row * params.N;
  let count = f32(params.N);
  var sum = 0.0;
  for (var j = local; j < params.N; j += ${STRIDE}) { sum += x[start + j]; }
  let mu = reduceSum(sum, local) / count;
  var squares = 0.0;
  for (var j = local; j < params.N; j += ${STRIDE}) { let d = x[start + j] - mu; squares = fma(d, d, squares); }
  let r = ${rstdOf("reduceSum(squares, local)", "params.extra")};
  for (var j = local; j < params.N; j += ${STRIDE}) {
    y[start + j] = ${layerNormOf("x[start + j]", "gamma[j]", "beta[j]")};
  }
  if (local == 0u) { mean[row] = mu; rstd[row] = r; }
`,
  ROW_WORKGROUP,
)}
`;
}

/** dx = rstd (g - mean(g) - xhat mean(g xhat)), with g = dy gamma */
export function layerNormGradient(): string {
  return wgsl`
${rowParams.wgsl}
${storage(read("dy"), read("x"), read("gamma"), read("mean"), read("rstd"), write("dx"))}
${rowSum}
${rowMain(
  wgsl`
  let start = row * params.N;
  let count = f32(params.N);
  let mu = mean[row];
  let r = rstd[row];
  var sumG = 0.0;
  var sumGx = 0.0;
  for (var j = local; j < params.N; j += ${STRIDE}) {
    let g = dy[start + j] * gamma[j];
    sumG += g;
    sumGx = fma(g, ${normalised("x[start + j]")}, sumGx);
  }
  sumG = reduceSum(sumG, local) / count;
  sumGx = reduceSum(sumGx, local) / count;
  for (var j = local; j < params.N; j += ${STRIDE}) {
    let xhat = ${normalised("x[start + j]")};
    dx[start + j] = ${layerNormGradientOf("dy[start + j] * gamma[j]")};
  }
`,
  ROW_WORKGROUP,
)}
`;
}

export const layerNormScaleParams = paramBlock({ M: "u32", N: "u32", size: "u32" });

/** dgamma [N] = sum over rows of dy xhat; one invocation a column. */
export function layerNormScaleGradient(workgroup: number): string {
  return wgsl`
${layerNormScaleParams.wgsl}
${storage(read("dy"), read("x"), read("mean"), read("rstd"), write("dgamma"))}
@compute @workgroup_size(${workgroup})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let n = (group.y * groups.x + group.x) * ${workgroup}u + local;
  if (n >= params.N) { return; }
  var sum = 0.0;
  for (var m = 0u; m < params.M; m++) {
    let at = m * params.N + n;
    sum = fma(dy[at], (x[at] - mean[m]) * rstd[m], sum);
  }
  dgamma[n] = sum;
}
`;
}
