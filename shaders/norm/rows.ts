import { maxReduce, read, rowMain, storage, sumReduce, write } from "../common.ts";
import { paramBlock } from "../params.ts";
import { addedInTurns } from "../read-ahead.ts";
import { wgsl } from "../wgsl.ts";

/** Kernels over rows, a workgroup for each. */
export const ROW_WORKGROUP = 64;
/**
 * On a CPU's adapter every invocation beyond a subgroup is one more to change to at each barrier, and lanes of long rows are
 * busy anyway: two subgroups of the widest that were seen.
 */
export const NARROW_WORKGROUP = 16;
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

/** y of x, row by row: `value` of x[..], from `top`, `sum` of exp(x - top), and what `prepare` makes of them. */
export function rowsOfExp(prepare: string, value: (x: string) => string): string {
  return wgsl`
${rowParams.wgsl}
${storage(read("x"), write("y"))}
${rowSum}
${rowMax}
${rowMain(
  wgsl`
${largest}
${expSum}
${prepare}
  for (var j = local; j < params.N; j += ${STRIDE}) { y[start + j] = ${value("x[start + j]")}; }
`,
  ROW_WORKGROUP,
)}
`;
}

/** dx of dy and y, row by row: `value` of dy[..] and y[..], from the sum of `term` over the row, which is called `total`. */
export function rowsOfTotal(
  total: string,
  term: (dy: string, y: string) => string,
  value: (dy: string, y: string) => string,
): string {
  return wgsl`
${rowParams.wgsl}
${storage(read("dy"), read("y"), write("dx"))}
${rowSum}
${rowMain(
  wgsl`
  let start = row * params.N;
  var ${total} = 0.0;
${addedInTurns(
  { begin: "local", end: "params.N", step: ROW_WORKGROUP, type: "f32", into: total },
  (k, t) => `let d${t} = dy[start + ${k}]; let y${t} = y[start + ${k}];`,
  (t) => term(`d${t}`, `y${t}`),
)}
  ${total} = reduceSum(${total}, local);
  for (var j = local; j < params.N; j += ${STRIDE}) { dx[start + j] = ${value("dy[start + j]", "y[start + j]")}; }
`,
  ROW_WORKGROUP,
)}
`;
}

/** y = exp(x - max) / sum, row by row. */
export const softmax = (): string => rowsOfExp("", softmaxOf);

/** dx = y (dy - sum(dy y)), row by row. */
export const softmaxGradient = (): string => rowsOfTotal("dot", (dy, y) => `${dy} * ${y}`, softmaxGradientOf);
