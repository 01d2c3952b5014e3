import { ChainruleError } from "../../core/errors.ts";
import { cast, type NdArray, requireNdArray, shapeText } from "../../core/ndarray.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { shapesOf } from "../../nn/shapes.ts";

/**
 * How many steps of each of n rows count, as i32 [n]. Throws ChainruleError "data" for lengths that are no whole numbers
 * from 0 to the steps of a row, by the row that `numberOf` names.
 */
export function matchLengths(
  model: ModelSpec,
  lengths: NdArray,
  n: number,
  what: string,
  numberOf: (row: number) => number = (row) => row,
): NdArray {
  requireNdArray(lengths, `${what}: lengths`);
  const fail = (message: string): never => {
    throw new ChainruleError("data", `${what}: ${message}`);
  };
  const [steps] = shapesOf(model).input as [number];
  if (lengths.data.length !== n) fail(`lengths ${shapeText(lengths.shape)} for ${n} rows, which want one each`);
  const row = lengths.data.findIndex((l) => !(Number.isInteger(l) && l >= 0 && l <= steps));
  if (row >= 0) fail(`row ${numberOf(row)} has the length ${lengths.data[row]}, and rows have ${steps} steps`);
  return { ...cast(lengths, "i32"), shape: [n] };
}
