import { ReferenceExecutor } from "../../backend/reference/executor.ts";
import { type NdArray, rows } from "../../core/ndarray.ts";
import type { Tensor } from "../../graph/graph.ts";
import type { LossName } from "../../nn/loss-kinds.ts";
import { gradientGraph } from "../../train/run/gradient-graph.ts";
import { current, parametersNow, trainingRows } from "./session.ts";

/** Layers and widths that can be drawn with every value in sight. */
const MOST_LAYERS = 24;

/** A column of nodes: what they hold on the way forward, and what comes back. */
export interface StoryLayer {
  /** "input", or the type of the layer that made the values. */
  readonly type: string;
  readonly values: readonly number[];
  /** d loss / d value. */
  readonly deltas: readonly number[] | null;
  /** Of a linear layer: W [in, out], flat, and the bias, with their gradients. */
  readonly linear: {
    readonly name: string;
    readonly inputs: number;
    readonly weights: readonly number[];
    readonly bias: readonly number[] | null;
    readonly dWeights: readonly number[];
    readonly dBias: readonly number[] | null;
  } | null;
}

/** One row's way through the net, there and back, in f64. */
export interface Story {
  readonly layers: readonly StoryLayer[];
  readonly loss: { readonly name: LossName; readonly value: number; readonly target: readonly number[] };
  readonly rate: number;
  readonly optimizer: string;
  readonly step: number;
  readonly row: number;
  readonly rows: number;
  /** True where the net has more layers than are drawn. */
  readonly tooDeep: boolean;
}

export async function storyOf(row: number): Promise<Story> {
  const { trainer } = current();
  const { model, seed, optimizer } = trainer.options;
  const data = trainingRows();
  const n = data.x.shape[0]!;
  const at = Math.max(0, Math.min(n - 1, row));
  const weights = await parametersNow();
  const g = await gradientGraph(model, weights, rows(data.x, at, at + 1), rows(data.y, at, at + 1), {
    seed,
    maxBufferSize: 2 ** 32,
  });
  const exact = new ReferenceExecutor(g.graph, "f64");
  exact.step();
  const list = (a: NdArray | undefined): readonly number[] => (a ? [...a.data] : []);
  const named = new Map(g.graph.nodes.flatMap((node) => node.outputs.map((t) => [t.name, t] as const)));
  const back = (t: Tensor): readonly number[] | null => {
    const d = g.gradients.get(t);
    return d ? list(exact.values.get(d)) : null;
  };
  const parameter = (name: string) => {
    const p = g.parameters.get(name);
    return p ? { value: list(exact.values.get(p.value)), gradient: list(exact.values.get(p.gradient)) } : null;
  };
  const layers: StoryLayer[] = [{ type: "input", values: list(exact.values.get(g.x)), deltas: null, linear: null }];
  model.layers.forEach((layer, i) => {
    const out = named.get(`${i}.${layer.type}`);
    if (!out) return;
    const w = layer.type === "linear" ? parameter(`${i}.weight`) : null;
    const b = layer.type === "linear" ? parameter(`${i}.bias`) : null;
    layers.push({
      type: layer.type,
      values: list(exact.values.get(out)),
      deltas: back(out),
      linear:
        layer.type === "linear" && w
          ? {
              name: String(i),
              inputs: layer.in,
              weights: w.value,
              bias: b?.value ?? null,
              dWeights: w.gradient,
              dBias: b?.gradient ?? null,
            }
          : null,
    });
  });
  return {
    layers: layers.slice(0, MOST_LAYERS),
    loss: { name: model.loss, value: exact.values.get(g.loss)!.data[0]!, target: list(exact.values.get(g.y)) },
    rate: optimizer.lr,
    optimizer: optimizer.type,
    step: trainer.stepsTaken,
    row: at,
    rows: n,
    tooDeep: layers.length > MOST_LAYERS,
  };
}
