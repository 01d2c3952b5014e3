import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { type NdArray, ndarray } from "../../src/core/ndarray.ts";
import type { ModelSpec } from "../../src/nn/model-spec.ts";
import { shapesOf } from "../../src/nn/shapes.ts";
import { Predictor } from "../../src/train/evaluation/predictor.ts";

/** What a net gives for some rows, in f64 from f32 weights, without dropout: [n, outputs], flat. */
export async function outputsOf(
  model: ModelSpec,
  weights: ReadonlyMap<string, NdArray>,
  rows: readonly (readonly number[])[],
): Promise<readonly number[]> {
  const x = ndarray([rows.length, rows[0]!.length], shapesOf(model).tokens ? "i32" : "f32", rows.flat());
  const predictor = await Predictor.create(referenceBackend("f64"), model, weights, x);
  const outputs = await predictor.run(weights);
  predictor.dispose();
  return [...outputs.data];
}

/** The largest difference, in units of the largest value. */
export function difference(got: readonly number[], wanted: readonly number[]): number {
  if (got.length !== wanted.length) return Number.POSITIVE_INFINITY;
  const largest = Math.max(...wanted.map(Math.abs));
  return (
    Math.max(...got.map((v, i) => (Number.isNaN(v) ? Number.POSITIVE_INFINITY : Math.abs(v - wanted[i]!)))) / largest
  );
}
