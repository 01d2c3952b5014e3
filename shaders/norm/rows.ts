import { flatType, maxReduce, type ReduceWidth, read, rowMain, storage, sumReduce, totalOf, write } from "../common.ts";
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

/**
 * What an element of a row is taken as: one number, or `four` neighbours in a vec4. Its type, how many a row has, and what
 * becomes a number of an invocation's sum and of its largest.
 */
export const rowElements = ({ four }: { readonly four: boolean }) => ({
  type: flatType(four),
  length: four ? "params.N / 4u" : "params.N",
  total: (sum: string): string => totalOf(four, sum),
  most: (top: string): string => (four ? `max(max(${top}.x, ${top}.y), max(${top}.z, ${top}.w))` : top),
});

/** The number at place `k` of an array, or of what is taken by fours and begins at `start`. */
export const numberAt = (array: string, k: string, four: boolean, start = ""): string =>
  four ? `${array}[${start}${k} / 4u][${k} % 4u]` : `${array}[${start}${k}]`;

/** Of a workgroup for a row that keeps more than the usual one busy. */
export const WIDE_WORKGROUP = 256;

/** Largest of row `row` of `x`; every invocation gets it. */
export function largest(four: boolean, workgroup: ReduceWidth = ROW_WORKGROUP): string {
  const { type, length, most } = rowElements({ four });
  return wgsl`
  let width = ${length};
  let start = row * width;
  var tops = ${type}(-3.4028234e38);
  for (var j = local; j < width; j += ${workgroup}u) { tops = max(tops, x[start + j]); }
  let top = reduceMax(${most("tops")}, local);
`;
}
export function expSum(four: boolean, workgroup: ReduceWidth = ROW_WORKGROUP): string {
  const { type, total } = rowElements({ four });
  return wgsl`
  var ownSum = ${type}();
  for (var j = local; j < width; j += ${workgroup}u) { ownSum += exp(x[start + j] - top); }
  let sum = reduceSum(${total("ownSum")}, local);
`;
}

/** Elements of rows, from numbers of the row that have been worked out before; the on-chip form uses them too. */
export const softmaxOf = (x: string): string => `exp(${x} - top) / sum`;
export const softmaxGradientOf = (dy: string, y: string): string => `${y} * (${dy} - dot)`;

/** y of x, row by row: `value` of x[..], from `top`, `sum` of exp(x - top), and what `prepare` makes of them. */
export function rowsOfExp(
  four: boolean,
  workgroup: ReduceWidth,
  prepare: string,
  value: (x: string) => string,
): string {
  const { type } = rowElements({ four });
  return wgsl`
${rowParams.wgsl}
${storage(read("x", type), write("y", type))}
${sumReduce(workgroup)}
${maxReduce(workgroup)}
${rowMain(
  wgsl`
${largest(four, workgroup)}
${expSum(four, workgroup)}
${prepare}
  for (var j = local; j < width; j += ${workgroup}u) { y[start + j] = ${value("x[start + j]")}; }
`,
  workgroup,
)}
`;
}

/** dx of dy and y, row by row: `value` of dy[..] and y[..], from the sum of `term` over the row, which is called `name`. */
export function rowsOfTotal(
  four: boolean,
  workgroup: ReduceWidth,
  name: string,
  term: (dy: string, y: string) => string,
  value: (dy: string, y: string) => string,
): string {
  const { type, length, total } = rowElements({ four });
  return wgsl`
${rowParams.wgsl}
${storage(read("dy", type), read("y", type), write("dx", type))}
${sumReduce(workgroup)}
${rowMain(
  wgsl`
  let width = ${length};
  let start = row * width;
  var ownSum = ${type}();
${addedInTurns(
  { begin: "local", end: "width", step: workgroup, type, into: "ownSum" },
  (k, t) => `let d${t} = dy[start + ${k}]; let y${t} = y[start + ${k}];`,
  (t) => term(`d${t}`, `y${t}`),
)}
  let ${name} = reduceSum(${total("ownSum")}, local);
  for (var j = local; j < width; j += ${workgroup}u) { dx[start + j] = ${value("dy[start + j]", "y[start + j]")}; }
`,
  workgroup,
)}
`;
}

/** y = exp(x - max) / sum, row by row. */
export const softmax = (four: boolean, workgroup: ReduceWidth): string => rowsOfExp(four, workgroup, "", softmaxOf);

/** dx = y (dy - sum(dy y)), row by row. */
export const softmaxGradient = (four: boolean, workgroup: ReduceWidth): string =>
  rowsOfTotal(four, workgroup, "dot", (dy, y) => `${dy} * ${y}`, softmaxGradientOf);
