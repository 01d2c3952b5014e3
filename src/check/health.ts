import { ReferenceExecutor } from "../backend/reference/executor.ts";
import { type NdArray, sizeOf } from "../core/ndarray.ts";
import type { ModelSpec } from "../nn/model-spec.ts";
import { gradientGraph } from "../train/run/gradient-graph.ts";

/** Something that stops a net from learning though every gradient is right. */
export interface Ailment {
  /**
   * dead   units of a rectifier that pass nothing on, for any row
   * same   units of a layer with equal weights and equal gradients: they stay one unit for ever
   */
  readonly kind: "dead" | "same";
  /** The value, or the parameter. */
  readonly tensor: string;
  readonly count: number;
  readonly of: number;
}

/** Looks for what a gradient check cannot see, on some rows x [n, inputs] with their targets y. */
export async function checkHealth(
  model: ModelSpec,
  weights: ReadonlyMap<string, NdArray>,
  x: NdArray,
  y: NdArray,
): Promise<readonly Ailment[]> {
  const g = await gradientGraph(model, weights, x, y, { seed: 1, maxBufferSize: 2 ** 32 });
  const exact = new ReferenceExecutor(g.graph, "f64");
  // With turns for others between.
  await exact.run(1);
  const found: Ailment[] = [];
  for (const node of g.graph.nodes) {
    const { name } = node.op;
    if (name !== "relu" && name !== "relu6") continue;
    const value = exact.values.get(node.outputs[0]!)!;
    // A unit is a channel, whatever places it has.
    const width = value.shape[1]!;
    const places = sizeOf(value.shape.slice(2));
    const alive = new Set<number>();
    value.data.forEach((v, i) => {
      if (v !== 0 && !(name === "relu6" && v === 6)) alive.add(Math.floor(i / places) % width);
    });
    if (alive.size < width) {
      found.push({ kind: "dead", tensor: node.outputs[0]!.name, count: width - alive.size, of: width });
    }
  }
  for (const [name, { value, gradient }] of g.parameters) {
    if (value.shape.length < 2) continue;
    // [inputs, units] of a linear layer; [units, inputs, ...places] of a convolution.
    const across = value.shape.length === 2;
    const units = value.shape[across ? 1 : 0]!;
    const inputs = sizeOf(value.shape) / units;
    if (units < 2) continue;
    const w = exact.values.get(value)!;
    const dw = exact.values.get(gradient)!;
    const place = (unit: number, i: number): number => (across ? i * units + unit : unit * inputs + i);
    // The last layer's units have targets of their own: their gradients part even where they begin alike.
    const alike = (u: number): boolean => {
      for (let i = 0; i < inputs; i++) {
        const [own, first] = [place(u, i), place(0, i)];
        if (w.data[own] !== w.data[first] || dw.data[own] !== dw.data[first]) return false;
      }
      return true;
    };
    const count = Array.from({ length: units }, (_, u) => u).filter(alike).length;
    if (count === units) found.push({ kind: "same", tensor: name, count, of: units });
  }
  return found;
}
