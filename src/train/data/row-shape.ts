import { ChainruleError } from "../../core/errors.ts";
import { type Shape, sameShape, shapeText } from "../../core/ndarray.ts";

/** Axes of one value say nothing: an image [28, 28] is [1, 28, 28]. */
const essential = (shape: Shape): Shape => shape.filter((d) => d !== 1);

/**
 * Throws ChainruleError "data" where rows of that shape lie otherwise than the model's input, though they may hold as many
 * values. Flat rows, and models of flat rows, take anything.
 */
export function requireRowShape(input: Shape, row: Shape, what: string): void {
  const [wanted, given] = [essential(input), essential(row)];
  if (wanted.length < 2 || given.length < 2 || sameShape(wanted, given)) return;
  const rows = `${what}: rows are ${shapeText(row)}, the model takes ${shapeText(input)}`;
  const turned = [row.at(-1)!, ...row.slice(0, -1)];
  if (!sameShape(input, turned)) throw new ChainruleError("data", rows);
  const advice = "that looks channels last; here channels come first: turn them, as --channels-last does";
  throw new ChainruleError("data", `${rows}: ${advice}`);
}
