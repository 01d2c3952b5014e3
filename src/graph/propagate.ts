import type { NdArray } from "../core/ndarray.ts";
import type { Graph, Tensor } from "./graph.ts";

/**
 * Bounds of the rounding errors of a right f32 run, carried through the whole graph beside its f64 values: every op says
 * how far its outputs may be off when its inputs are off by so much. Variables are exact.
 */
export function propagateBounds(g: Graph, values: ReadonlyMap<Tensor, NdArray>): ReadonlyMap<Tensor, NdArray | null> {
  const bounds = new Map<Tensor, NdArray | null>(g.variables.map((v) => [v, null]));
  for (const node of g.nodes) {
    const inputs = node.inputs.map((t) => values.get(t)!);
    const errors = node.inputs.map((t) => bounds.get(t) ?? null);
    const outputs = node.outputs.map((t) => values.get(t)!);
    const found = node.op.bound?.(inputs, errors, outputs, node.attrs);
    node.outputs.forEach((t, i) => {
      bounds.set(t, found?.[i] ?? null);
    });
  }
  return bounds;
}
