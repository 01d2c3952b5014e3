import { flatType, type ReduceWidth, read, rowMain, storage, sumReduce, write } from "../common.ts";
import { paramBlock } from "../params.ts";
import { addedInTurns } from "../read-ahead.ts";
import { laneSums } from "../reduce.ts";
import { wgsl } from "../wgsl.ts";
import type { PlaneForm } from "./planes.ts";
import { ROW_WORKGROUP, rowElements, rowParams } from "./rows.ts";

/**
 * A mean to which the mean of the distances to it is added. The first sum rounds as its terms do, by far more than their
 * spread where that is small beside them, and what is left of it the root of a small variance makes large.
 * What the distances are taken to must be what is corrected: a compiler may make x - sum / count one fused operation, whose
 * mean was never rounded (NVIDIA's does). So a first mean is a sum of parts that were divided.
 */
export const corrected = (mean: string, rest: string): string => `${mean} + ${rest} / count`;
export const normalised = (x: string): string => `(${x} - mu) * r`;
/** 1 / standard deviation, from the sum of squared distances to the mean. */
export const rstdOf = (squares: string, eps: string): string => `1.0 / sqrt(${squares} / count + ${eps})`;
export const layerNormOf = (x: string, gamma: string, beta: string): string => `${normalised(x)} * ${gamma} + ${beta}`;
/** From dy times gamma, xhat, and the means sumG of g and sumGx of g xhat. */
export const layerNormGradientOf = (g: string): string => `r * (${g} - sumG - xhat * sumGx)`;

/** What the rows of an op are, and which scale an element of one has. */
export interface NormRows {
  /** The uniform: `rows`, `N` elements of each, `extra`, and what `each` reads. */
  readonly params: string;
  /** True where an element of a row is a vec4 of four neighbours. */
  readonly four: boolean;
  /** True where their scales are four too. */
  readonly fourScales: boolean;
  /** `body` for the elements j of a row that an invocation of so many has, and k, the place of their scale. */
  each(width: ReduceWidth, body: string): string;
}

/** Rows of x [rows, N], which share a scale for each column. */
export const columnScales = (four: boolean): NormRows => ({
  params: rowParams.wgsl,
  four,
  fourScales: four,
  each: (width, body) =>
    `for (var j = local; j < params.N${four ? " / 4u" : ""}; j += ${width}u) { let k = j; ${body} }`,
});

/** A group of channels of an image is a row: `each` channels of `places` elements, or fours where kernels take those. */
export const groupParams = paramBlock({
  rows: "u32",
  N: "u32",
  extra: "f32",
  groups: "u32",
  each: "u32",
  places: "u32",
});
/** By planes, a channel after the other, no element takes a division. */
export const groupScales = (form: PlaneForm, four: boolean): NormRows => ({
  params: groupParams.wgsl,
  four,
  fourScales: false,
  each: (width, body) =>
    form === "plane"
      ? wgsl`
  for (var c = 0u; c < params.each; c++) {
    let k = row % params.groups * params.each + c;
    for (var j = c * params.places + local; j < (c + 1u) * params.places; j += ${width}u) { ${body} }
  }
`
      : wgsl`
  for (var j = local; j < ${rowElements({ four }).length}; j += ${width}u) {
    let k = row % params.groups * params.each + j / params.places;
    ${body}
  }
`,
});

/** y = (x - mean) rstd gamma + beta; mean and rstd of every row are kept for the gradient. */
export function layerNorm(rows: NormRows, width: ReduceWidth = ROW_WORKGROUP): string {
  const { params, each } = rows;
  const { type, length, total } = rowElements(rows);
  const scale = flatType(rows.fourScales);
  const all = (body: string): string => `for (var j = local; j < ${length}; j += ${width}u) { ${body} }`;
  return wgsl`
${params}
${storage(read("x", type), read("gamma", scale), read("beta", scale), write("y", type), write("mean"), write("rstd"))}
${sumReduce(width)}
${rowMain(
  wgsl`
  let start = row * (${length});
  let count = f32(params.N);
  var sum = ${type}();
  ${all("sum += x[start + j];")}
  var mu = reduceSum((${total("sum")}) / count, local);
  sum = ${type}();
  ${all("sum += x[start + j] - mu;")}
  mu = ${corrected("mu", `reduceSum(${total("sum")}, local)`)};
  var squares = ${type}();
  ${all("let d = x[start + j] - mu; squares = fma(d, d, squares);")}
  let r = ${rstdOf(`reduceSum(${total("squares")}, local)`, "params.extra")};
  ${each(width, `y[start + j] = ${layerNormOf("x[start + j]", "gamma[k]", "beta[k]")};`)}
  if (local == 0u) { mean[row] = mu; rstd[row] = r; }
`,
  width,
)}
`;
}

/** dx = rstd (g - mean(g) - xhat mean(g xhat)), with g = dy gamma */
export function layerNormGradient(rows: NormRows, width: ReduceWidth = ROW_WORKGROUP): string {
  const { params, each } = rows;
  const { type, length, total } = rowElements(rows);
  return wgsl`
${params}
${storage(read("dy", type), read("x", type), read("gamma", flatType(rows.fourScales)), read("mean"), read("rstd"), write("dx", type))}
${sumReduce(width)}
${rowMain(
  wgsl`
  let start = row * (${length});
  let count = f32(params.N);
  let mu = mean[row];
  let r = rstd[row];
  var eachG = ${type}();
  var eachGx = ${type}();
  ${each(width, `let g = dy[start + j] * gamma[k]; eachG += g; eachGx = fma(g, ${normalised("x[start + j]")}, eachGx);`)}
  var sumG = reduceSum((${total("eachG")}) / count, local);
  let sumGx = reduceSum(${total("eachGx")}, local) / count;
  var rest = ${type}();
  ${each(width, "rest += dy[start + j] * gamma[k] - sumG;")}
  sumG = ${corrected("sumG", `reduceSum(${total("rest")}, local)`)};
  ${each(
    width,
    `let xhat = ${normalised("x[start + j]")};
     dx[start + j] = ${layerNormGradientOf("dy[start + j] * gamma[k]")};`,
  )}
`,
  width,
)}
`;
}

/** `first` is 1 for the launch that begins the sums, 0 where one over earlier rows left some. */
export const layerNormScaleParams = paramBlock({ M: "u32", N: "u32", first: "u32" });

/** What a row adds to dgamma. */
const loadScaleTerm = (k: string, t: number): string =>
  `let at${t} = ${k} * params.N + n; let d${t} = dy[at${t}]; let x${t} = (x[at${t}] - mean[${k}]) * rstd[${k}];`;
const scaleTerm = (t: number): string => `d${t} * x${t}`;

/** dgamma [N] = sum over rows of dy xhat; one invocation a column, or `four` (params.N counts those). */
export function layerNormScaleGradient(workgroup: number, four = false): string {
  const type = flatType(four);
  return wgsl`
${layerNormScaleParams.wgsl}
${storage(read("dy", type), read("x", type), read("mean"), read("rstd"), write("dgamma", type))}
@compute @workgroup_size(${workgroup})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let n = (group.y * groups.x + group.x) * ${workgroup}u + local;
  if (n >= params.N) { return; }
  var sum = ${type}();
  if (params.first == 0u) { sum = dgamma[n]; }
${addedInTurns({ begin: "0u", end: "params.M", step: 1, type }, loadScaleTerm, scaleTerm)}
  dgamma[n] = sum;
}
`;
}

/** The same by workgroups that share rows. */
export function layerNormScaleLanes(four: boolean): string {
  const type = flatType(four);
  return laneSums([read("dy", type), read("x", type), read("mean"), read("rstd")], loadScaleTerm, scaleTerm, four);
}
