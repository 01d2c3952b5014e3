import { cast, type NdArray } from "../core/ndarray.ts";
import type { Graph, Tensor } from "../graph/graph.ts";
import type { DeviceKind } from "../graph/op.ts";
import { proofOf } from "./proof-of.ts";

/** How long a step in plain loops computes before others have their turn. */
const SLICE_MS = 30;

/**
 * The f64 values of one step of what a graph stands for in exact arithmetic: of each op its ideal, where it has one. By
 * itself and not by the reference executor, which a trainer on a device otherwise does not load.
 */
export async function idealValues(g: Graph): Promise<Map<Tensor, NdArray>> {
  const exact = (x: NdArray): NdArray => {
    const { data } = cast(x, x.dtype === "f32" ? "f64" : x.dtype);
    return { ...x, dtype: x.dtype === "f32" ? "f64" : x.dtype, data: data.slice() };
  };
  const values = new Map(g.variables.map((v) => [v, exact(v.initial!)]));
  let until = performance.now() + SLICE_MS;
  for (const { op, inputs, outputs, attrs } of g.nodes) {
    const given = inputs.map((t) => values.get(t)!);
    const made = op.ideal ? op.ideal(given, attrs) : op.reference(given, attrs);
    for (const [i, t] of outputs.entries()) values.set(t, made[i]!);
    if (performance.now() <= until) continue;
    await new Promise((resolve) => setTimeout(resolve));
    until = performance.now() + SLICE_MS;
  }
  return values;
}

/**
 * Bounds of the rounding errors of a right f32 run on a kind of device, carried through the whole graph beside its f64 values: every op says
 * how far its outputs may be off when its inputs are off by so much. Variables are exact, except where they hold f64
 * values that f32 rounds.
 */
export async function propagateBounds(
  g: Graph,
  values: ReadonlyMap<Tensor, NdArray>,
  on: DeviceKind,
): Promise<ReadonlyMap<Tensor, NdArray | null>> {
  const bounds = new Map<Tensor, NdArray | null>(g.variables.map((v) => [v, roundedOff(v.initial!)]));
  let until = performance.now() + SLICE_MS;
  for (const node of g.nodes) {
    const inputs = node.inputs.map((t) => values.get(t)!);
    const errors = node.inputs.map((t) => bounds.get(t) ?? null);
    const outputs = node.outputs.map((t) => values.get(t)!);
    const found = await (await proofOf(node.op)).bound?.(inputs, errors, outputs, node.attrs, on);
    node.outputs.forEach((t, i) => {
      bounds.set(t, found?.[i] ? opened(found[i]) : null);
    });
    if (performance.now() <= until) continue;
    await new Promise((resolve) => setTimeout(resolve));
    until = performance.now() + SLICE_MS;
  }
  return bounds;
}

/**
 * A bound that is not a number has none: an error that may be of any size, as deep nets of batch norm carry, met a 0. The
 * norm of the whole array decides then.
 */
function opened(bound: NdArray): NdArray {
  const { data } = bound;
  for (let i = 0; i < data.length; i++) if (Number.isNaN(data[i]!)) data[i] = Number.POSITIVE_INFINITY;
  return bound;
}

/** What f32 takes off each value; null where it takes nothing. */
function roundedOff(x: NdArray): NdArray | null {
  if (x.dtype !== "f64" || x.data.every((v) => v === Math.fround(v))) return null;
  return { ...x, data: (x.data as Float64Array).map((v) => Math.abs(v - Math.fround(v))) };
}
