import { flatMain, flatType, type ReduceWidth, read, rowMain, storage, sumReduce, write } from "../common.ts";
import { paramBlock } from "../params.ts";
import { addedInTurns } from "../read-ahead.ts";
import { laneSums } from "../reduce.ts";
import { wgsl } from "../wgsl.ts";
import { rstdOf } from "./layer-norm.ts";
import { ROW_WORKGROUP, rowElements, rowParams } from "./rows.ts";

/** Normalisation by the root of the mean square: that of layers without the mean. */

export const rmsNormOf = (x: string, weight: string): string => `${x} * r * ${weight}`;
/** From dy times weight, and the mean sumGx of it times x r. */
export const rmsNormGradientOf = (g: string, x: string): string => `r * (${g} - ${x} * r * sumGx)`;

/** y = x rstd weight; rstd of every row is kept for the gradient. An element of a row may be `four` neighbours. */
export function rmsNorm(width: ReduceWidth = ROW_WORKGROUP, four = false): string {
  const { type, length, total } = rowElements({ four });
  return wgsl`
${rowParams.wgsl}
${storage(read("x", type), read("weight", type), write("y", type), write("rstd"))}
${sumReduce(width)}
${rowMain(
  wgsl`
  let start = row * (${length});
  let count = f32(params.N);
  var squares = ${type}();
  for (var j = local; j < ${length}; j += ${width}u) { let v = x[start + j]; squares = fma(v, v, squares); }
  let r = ${rstdOf(`reduceSum(${total("squares")}, local)`, "params.extra")};
  for (var j = local; j < ${length}; j += ${width}u) { y[start + j] = ${rmsNormOf("x[start + j]", "weight[j]")}; }
  if (local == 0u) { rstd[row] = r; }
`,
  width,
)}
`;
}

/** dx = rstd (g - xhat mean(g xhat)) with g = dy weight and xhat = x rstd. */
export function rmsNormGradient(width: ReduceWidth = ROW_WORKGROUP, four = false): string {
  const { type, length, total } = rowElements({ four });
  return wgsl`
${rowParams.wgsl}
${storage(read("dy", type), read("x", type), read("weight", type), read("rstd"), write("dx", type))}
${sumReduce(width)}
${rowMain(
  wgsl`
  let start = row * (${length});
  let r = rstd[row];
  var eachGx = ${type}();
  for (var j = local; j < ${length}; j += ${width}u) {
    eachGx = fma(dy[start + j] * weight[j], x[start + j] * r, eachGx);
  }
  let sumGx = reduceSum(${total("eachGx")}, local) / f32(params.N);
  for (var j = local; j < ${length}; j += ${width}u) {
    dx[start + j] = ${rmsNormGradientOf("dy[start + j] * weight[j]", "x[start + j]")};
  }
`,
  width,
)}
`;
}

/** `size` is the number of columns; `first` is 1 for the launch that begins the sums. */
export const rmsNormScaleParams = paramBlock({ size: "u32", M: "u32", first: "u32" });

/** What a row adds to dweight, of rows of so many values. */
const loadScaleTerm = (N: string, n: string) => (k: string, t: number) =>
  `let at${t} = ${k} * ${N} + ${n}; let d${t} = dy[at${t}]; let x${t} = x[at${t}] * rstd[${k}];`;
const scaleTerm = (t: number): string => `d${t} * x${t}`;

/** dweight [N] = sum over rows of dy x rstd; one invocation a column. */
export function rmsNormScaleGradient(): string {
  const turns = { begin: "0u", end: "params.M", step: 1, type: "f32" } as const;
  return wgsl`
${rmsNormScaleParams.wgsl}
${storage(read("dy"), read("x"), read("rstd"), write("dweight"))}
${flatMain(wgsl`
  var sum = 0.0;
  if (params.first == 0u) { sum = dweight[i]; }
${addedInTurns(turns, loadScaleTerm("params.size", "i"), scaleTerm)}
  dweight[i] = sum;
`)}
`;
}

/** The same by workgroups that share rows. */
export function rmsNormScaleLanes(four: boolean): string {
  const type = flatType(four);
  return laneSums([read("dy", type), read("x", type), read("rstd")], loadScaleTerm("params.N", "n"), scaleTerm, four);
}
