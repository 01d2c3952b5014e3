import { ReferenceExecutor } from "../backend/reference/executor.ts";
import type { NdArray } from "../core/ndarray.ts";
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
  exact.step();
  const found: Ailment[] = [];
  for (const node of g.graph.nodes) {
    const { name } = node.op;
    if (name !== "relu" && name !== "relu6") continue;
    const value = exact.values.get(node.outputs[0]!)!;
    const width = value.shape[1]!;
    const alive = new Set<number>();
    value.data.forEach((v, i) => {
      if (v !== 0 && !(name === "relu6" && v === 6)) alive.add(i % width);
    });
    if (alive.size < width) {
      found.push({ kind: "dead", tensor: node.outputs[0]!.name, count: width - alive.size, of: width });
    }
  }
  for (const [name, { value, gradient }] of g.parameters) {
    const [inputs, units] = value.shape as readonly [number, number | undefined];
    if (units === undefined || units < 2) continue;
    const w = exact.values.get(value)!;
    const dw = exact.values.get(gradient)!;
    // The last layer's units have targets of their own: their gradients part even where they begin alike.
    const alike = (u: number): boolean => {
      for (let i = 0; i < inputs; i++) {
        const at = i * units;
        if (w.data[at + u] !== w.data[at] || dw.data[at + u] !== dw.data[at]) return false;
      }
      return true;
    };
    const count = Array.from({ length: units }, (_, u) => u).filter(alike).length;
    if (count === units) found.push({ kind: "same", tensor: name, count, of: units });
  }
  return found;
}
