import { type NdArray, ndarray } from "../core/ndarray.ts";
import type { Dataset } from "../data/dataset.ts";
import type { ModelSpec } from "../nn/model.ts";
import type { Rows } from "../train/options.ts";
import { predict } from "../train/predict.ts";
import type { Progress, RunInfo } from "./engine-types.ts";

/** Cells along a side of the decision picture, and points drawn on it at most. */
const SIZE = 56;
const MOST_POINTS = 600;

/** Half the side of the square that holds all points, with some room. */
export function extentOf(x: Float32Array): number {
  return 1.1 * x.reduce((most, v) => Math.max(most, Math.abs(v)), 0.1);
}

export function samplePoints({ x, y }: Dataset): RunInfo["points"] {
  if (x.shape[1] !== 2 || y.dtype !== "i32") return null;
  const n = Math.min(MOST_POINTS, x.shape[0]!);
  return { x: Float32Array.from(x.data.subarray(0, 2 * n)), labels: Int32Array.from(y.data.subarray(0, n)) };
}

/** What the net says over the plane; null where inputs are not two numbers, or outputs not classes. */
export function boundaryOf(model: ModelSpec, data: Rows, weights: ReadonlyMap<string, NdArray>): Progress["boundary"] {
  const binary = model.loss === "bce";
  if (data.x.shape[1] !== 2 || (model.loss !== "crossEntropy" && !binary)) return null;
  const extent = extentOf(data.x.data as Float32Array);
  const grid = new Float32Array(SIZE * SIZE * 2);
  for (let i = 0; i < SIZE * SIZE; i++) {
    grid[2 * i] = (((i % SIZE) + 0.5) / SIZE) * 2 * extent - extent;
    grid[2 * i + 1] = extent - ((Math.floor(i / SIZE) + 0.5) / SIZE) * 2 * extent;
  }
  const outputs = predict(model, weights, ndarray([SIZE * SIZE, 2], "f32", grid));
  const classes = new Uint8Array(SIZE * SIZE);
  const sure = new Float32Array(SIZE * SIZE);
  const width = outputs.shape[1]!;
  for (let i = 0; i < SIZE * SIZE; i++) {
    const logits = outputs.data.subarray(i * width, (i + 1) * width);
    const all = binary ? [0, logits[0]!] : [...logits];
    const top = Math.max(...all);
    classes[i] = all.indexOf(top);
    sure[i] = 1 / all.reduce((sum, v) => sum + Math.exp(v - top), 0);
  }
  return { size: SIZE, extent, classes, sure };
}
