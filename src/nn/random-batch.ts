import { type NdArray, ndarray, sizeOf } from "../core/ndarray.ts";
import { normals, randomWord, STREAM, uniforms } from "../core/philox.ts";
import { lossKinds } from "./loss-kinds.ts";
import type { ModelSpec } from "./model-spec.ts";
import { classLayout, shapesOf, widths } from "./shapes.ts";

/** Normal inputs, or tokens of the vocabulary, and fitting targets, for a model that brings no data. */
export function randomBatch(model: ModelSpec, n: number, seed: number): { x: NdArray; y: NdArray } {
  const { inputs, outputs } = widths(model);
  const { tokens } = shapesOf(model);
  const token = (_: unknown, i: number): number => randomWord(seed, STREAM.check, 3, i) % tokens!.count;
  const x = tokens
    ? ndarray([n, inputs], "i32", Int32Array.from({ length: n * inputs }, token))
    : ndarray([n, inputs], "f32", normals(seed, STREAM.check, 0, n * inputs));
  if (lossKinds[model.loss].targets === "values") {
    return { x, y: ndarray([n, outputs], "f32", uniforms(seed, STREAM.check, 1, n * outputs)) };
  }
  const { classes, places } = classLayout(model);
  const label = (_: unknown, i: number): number => randomWord(seed, STREAM.check, 2, i) % classes;
  const each = sizeOf(places);
  const shape = each === 1 ? [n] : [n, each];
  return { x, y: ndarray(shape, "i32", Int32Array.from({ length: n * each }, label)) };
}
