import type { MatmulForm } from "../../../shaders/matmul/common.ts";
import { type NdArray, ndarray } from "../../core/ndarray.ts";

/** Inputs of a product of which only some rows of the result are computed: A's, and those of what else has rows of C. */
export function cutRows(form: MatmulForm, inputs: readonly NdArray[], rows: readonly number[]): readonly NdArray[] {
  return inputs.map((x, i) => (i === 1 || x.shape.length !== 2 ? x : pick(x, rows, i === 0 && form === "TN")));
}

/** Some rows of a matrix, or some columns. */
function pick(x: NdArray, which: readonly number[], columns: boolean): NdArray {
  const [height, width] = x.shape as readonly [number, number];
  const shape = columns ? [height, which.length] : [which.length, width];
  const across = shape[1]!;
  const from = (row: number, column: number): number =>
    columns ? row * width + which[column]! : which[row]! * width + column;
  const data = Array.from({ length: shape[0]! * across }, (_, e) => x.data[from(Math.floor(e / across), e % across)]!);
  return ndarray(shape, "f64", data);
}
