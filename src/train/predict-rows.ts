import type { Backend } from "../backend/executor.ts";
import { type NdArray, ndarray, rows } from "../core/ndarray.ts";
import type { ModelSpec } from "../nn/model.ts";
import { Predictor } from "./predictor.ts";

/** Rows that go through the net at once. */
const CHUNK = 1024;

/** A net's outputs f32 [n, outputs] for rows x f32 [n, inputs], without dropout, some rows at a time. */
export async function predictRows(
  backend: Backend,
  model: ModelSpec,
  weights: ReadonlyMap<string, NdArray>,
  x: NdArray,
): Promise<NdArray> {
  const n = x.shape[0]!;
  const parts: NdArray[] = [];
  let predictor: Predictor | null = null;
  let size = 0;
  try {
    for (let start = 0; start < n; start += CHUNK) {
      const chunk = rows(x, start, Math.min(n, start + CHUNK));
      // Only the last chunk may have a size of its own.
      if (chunk.shape[0] !== size) {
        predictor?.dispose();
        size = chunk.shape[0]!;
        predictor = await Predictor.create(backend, model, weights, chunk);
      }
      parts.push(await predictor!.run(weights, chunk));
    }
  } finally {
    predictor?.dispose();
  }
  const outputs = parts[0]!.shape[1]!;
  const all = new Float32Array(n * outputs);
  parts.forEach((part, i) => {
    all.set(part.data as Float32Array, i * CHUNK * outputs);
  });
  return ndarray([n, outputs], "f32", all);
}
