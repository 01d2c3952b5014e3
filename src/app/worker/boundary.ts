import { type NdArray, ndarray } from "../../core/ndarray.ts";
import type { Dataset } from "../../data/dataset.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { shapesOf } from "../../nn/shapes.ts";
import { probabilities } from "../../train/evaluation/probabilities.ts";
import type { Boundary, RunInfo } from "./types.ts";

/** Cells along a side of the decision picture, and points drawn on it at most. */
const SIZE = 72;
const MOST_POINTS = 600;

/** Half the side of the square that holds all points, with some room. */
function extentOf(x: NdArray): number {
  let most = 1;
  for (const v of x.data) most = Math.max(most, Math.abs(v));
  return 1.1 * most;
}

export function samplePoints({ x, y }: Dataset): RunInfo["points"] {
  if (x.shape[1] !== 2 || y.dtype !== "i32") return null;
  const n = Math.min(MOST_POINTS, x.shape[0]!);
  return { x: Float32Array.from(x.data.subarray(0, 2 * n)), labels: Int32Array.from(y.data.subarray(0, n)) };
}

/** The points of the plane that the picture asks about; null where inputs are not two numbers, or outputs not classes. */
export function gridFor(model: ModelSpec, x: NdArray): { readonly rows: NdArray; readonly extent: number } | null {
  if (shapesOf(model).tokens || x.shape[1] !== 2 || (model.loss !== "crossEntropy" && model.loss !== "bce"))
    return null;
  const extent = extentOf(x);
  const grid = new Float32Array(SIZE * SIZE * 2);
  for (let i = 0; i < SIZE * SIZE; i++) {
    grid[2 * i] = (((i % SIZE) + 0.5) / SIZE) * 2 * extent - extent;
    grid[2 * i + 1] = extent - ((Math.floor(i / SIZE) + 0.5) / SIZE) * 2 * extent;
  }
  return { rows: ndarray([SIZE * SIZE, 2], "f32", grid), extent };
}

/** Class and certainty of every cell, from the net's outputs. */
export function boundaryFrom(outputs: NdArray, extent: number): Boundary {
  const classes = new Uint8Array(SIZE * SIZE);
  const sure = new Float32Array(SIZE * SIZE);
  for (let i = 0; i < SIZE * SIZE; i++) {
    const p = probabilities(outputs, i);
    const top = p.reduce((a, b) => Math.max(a, b), 0);
    classes[i] = p.indexOf(top);
    sure[i] = top;
  }
  return { size: SIZE, extent, classes, sure };
}
