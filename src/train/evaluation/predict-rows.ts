import { ExecutorCache } from "../../backend/cache.ts";
import type { Backend } from "../../backend/executor.ts";
import { type NdArray, rows, zeros } from "../../core/ndarray.ts";
import { loadLayerTypes } from "../../nn/layers/registry.ts";
import { withLength } from "../../nn/model-length.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { widths } from "../../nn/shapes.ts";
import { matchLengths } from "../data/lengths.ts";
import { matchInputs } from "../data/match-rows.ts";
import { evalBatch } from "./eval-batch.ts";
import { Predictor } from "./predictor.ts";

/** Rows that go through the net at once where nothing else waits for the device. */
const CHUNK = 1024;

/** A net's outputs f32 [n, outputs] for rows x f32 [n, inputs], or tokens in any type, without dropout, some rows at a time. */
export async function predictRows(
  backend: Backend,
  given: ModelSpec,
  weights: ReadonlyMap<string, NdArray>,
  x: NdArray,
  lengths?: NdArray,
): Promise<NdArray> {
  await loadLayerTypes(given);
  const model = withLength(given, x);
  const inputs = matchInputs(model, x, "rows to predict");
  const cache = new ExecutorCache("the prediction");
  try {
    const steps = lengths && matchLengths(model, lengths, inputs.shape[0]!, "rows to predict");
    return await inChunks(model, inputs, steps, Math.min(CHUNK, 4 * evalBatch(model)), (...chunk) =>
      outputsOf(cache, backend, model, weights, ...chunk),
    );
  } finally {
    cache.dispose();
  }
}

/** Outputs f32 [n, outputs] from those of `size` rows at a time: memory on the device does not grow with n. */
export async function inChunks(
  model: ModelSpec,
  x: NdArray,
  lengths: NdArray | undefined,
  size: number,
  outputsOfChunk: (chunk: NdArray, lengths: NdArray | undefined) => Promise<NdArray>,
): Promise<NdArray> {
  const n = x.shape[0]!;
  const { outputs } = widths(model);
  const all = zeros([n, outputs], "f32");
  for (let start = 0; start < n; start += size) {
    const end = Math.min(n, start + size);
    const chunk = outputsOfChunk(rows(x, start, end), lengths && rows(lengths, start, end));
    all.data.set((await chunk).data, start * outputs);
  }
  return all;
}

/** Outputs for all rows of x at once, by what is compiled for this number of rows already where there is such. */
export function outputsOf(
  cache: ExecutorCache,
  backend: Backend,
  model: ModelSpec,
  weights: ReadonlyMap<string, NdArray>,
  x: NdArray,
  lengths?: NdArray,
): Promise<NdArray> {
  return cache.with(
    `forward ${x.shape[0]}${lengths ? " with lengths" : ""}`,
    () => Predictor.create(backend, model, weights, x, lengths),
    (predictor) => predictor.run(weights, x, lengths),
  );
}
