import type { ReduceWidth } from "../common.ts";
import { rowsOfExp, rowsOfTotal } from "./rows.ts";

/** From `top` and `logSum`, the logarithm of the sum of exp(x - top). */
export const logSoftmaxOf = (x: string): string => `(${x} - top) - logSum`;
/** From `all`, the sum of the row's dy. */
export const logSoftmaxGradientOf = (dy: string, y: string): string => `${dy} - exp(${y}) * all`;

/** y = x - max - log(sum exp(x - max)), row by row. */
export const logSoftmax = (four: boolean, workgroup: ReduceWidth): string =>
  rowsOfExp(four, workgroup, "  let logSum = log(sum);", logSoftmaxOf);

/** dx = dy - exp(y) sum(dy), row by row. */
export const logSoftmaxGradient = (four: boolean, workgroup: ReduceWidth): string =>
  rowsOfTotal(four, workgroup, "all", (dy) => dy, logSoftmaxGradientOf);
