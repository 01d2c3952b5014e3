import { sizeOf } from "../core/ndarray.ts";
import type { Graph, Tensor } from "../graph/graph.ts";
import { permute } from "../ops/shape/permute.ts";
import { reshape } from "../ops/shape/reshape.ts";
import type { ClassLayout } from "./shapes.ts";

/** Outputs [n, values] and targets i32 [n, places] as logits [n places, classes] and labels i32 [n places]. */
export function placesAsRows(g: Graph, { classes, places, last }: ClassLayout, outputs: Tensor, y: Tensor) {
  const each = sizeOf(places);
  const rows = y.shape[0]! * each;
  const labels = g.one(reshape, [y], { shape: [rows] }, "targets of all places");
  const shaped = (x: Tensor, shape: readonly number[], name: string): Tensor => g.one(reshape, [x], { shape }, name);
  if (last) return { logits: shaped(outputs, [rows, classes], "outputs of all steps"), labels };
  const apart = shaped(outputs, [y.shape[0]!, classes, each], "outputs by class");
  const behind = g.one(permute, [apart], { order: [0, 2, 1] }, "outputs by place");
  return { logits: shaped(behind, [rows, classes], "outputs of all places"), labels };
}
