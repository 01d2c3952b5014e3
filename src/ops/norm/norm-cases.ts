import { sizeOf } from "../../core/ndarray.ts";
import { normals, STREAM } from "../../core/philox.ts";
import type { CaseInput } from "../../graph/op.ts";

/** A pattern as often as the shape holds it. */
export function filled(shape: readonly number[], values: ArrayLike<number>): CaseInput {
  const fill = Array.from({ length: sizeOf(shape) }, (_, i) => Math.fround(values[i % values.length]!));
  return { shape, dtype: "f32", fill };
}

/** Values close together, however far from 0. */
export const noise = (around: number, by: number, count = 1200): Float32Array =>
  normals(7, STREAM.check, 0, count).map((v) => around + by * v);

/** Inputs of a shape each, drawn as usual; the last, rstd, is positive. */
export function saved(shapes: readonly (readonly number[])[]): readonly CaseInput[] {
  return shapes.map((shape, i) => ({ shape, dtype: "f32", fill: i === shapes.length - 1 ? "positive" : "normal" }));
}
