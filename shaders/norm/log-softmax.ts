import { read, rowMain, storage, write } from "../common.ts";
import { wgsl } from "../wgsl.ts";
import { expSum, largest, ROW_WORKGROUP, rowMax, rowParams, rowSum, STRIDE } from "./rows.ts";

/** From `top` and `logSum`, the logarithm of the sum of exp(x - top). */
export const logSoftmaxOf = (x: string): string => `(${x} - top) - logSum`;
/** From `all`, the sum of the row's dy. */
export const logSoftmaxGradientOf = (dy: string, y: string): string => `${dy} - exp(${y}) * all`;

/** y = x - max - log(sum exp(x - max)), row by row. */
export function logSoftmax(): string {
  return wgsl`
${rowParams.wgsl}
${storage(read("x"), write("y"))}
${rowSum}
${rowMax}
${rowMain(
  wgsl`
${largest}
${expSum}
  let logSum = log(sum);
  for (var j = local; j < params.N; j += ${STRIDE}) { y[start + j] = ${logSoftmaxOf("x[start + j]")}; }
`,
  ROW_WORKGROUP,
)}
`;
}

/** dx = dy - exp(y) sum(dy), row by row. */
export function logSoftmaxGradient(): string {
  return wgsl`
${rowParams.wgsl}
${storage(read("dy"), read("y"), write("dx"))}
${rowSum}
${rowMain(
  wgsl`
  let start = row * params.N;
  var all = 0.0;
  for (var j = local; j < params.N; j += ${STRIDE}) { all += dy[start + j]; }
  all = reduceSum(all, local);
  for (var j = local; j < params.N; j += ${STRIDE}) { dx[start + j] = ${logSoftmaxGradientOf("dy[start + j]", "y[start + j]")}; }
`,
  ROW_WORKGROUP,
)}
`;
}
