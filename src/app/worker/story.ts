import { ReferenceExecutor } from "../../backend/reference/executor.ts";
import { type NdArray, rows } from "../../core/ndarray.ts";
import type { Tensor } from "../../graph/graph.ts";
import type { LossName } from "../../nn/loss-kinds.ts";
import { calledName, layerName } from "../../nn/model-spec.ts";
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
  /** True of convolutions, pools and all that works on places: no formula of one node's says what they do. */
  readonly mixes: boolean;
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
  /** Where some layer mixes: "mixed"; "branched" where layers read others than the one before, and there is no chain to draw. */
  readonly wiring: "chain" | "mixed" | "branched";
}

/** Layers whose values have places: what one node holds comes from several, or from another place. */
const WITH_PLACES =
  /^(conv|maxPool|avgPool|adaptiveAvgPool|upsample|pad|permute|batchNorm|groupNorm|instanceNorm|maxout)/;

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
  const layers: StoryLayer[] = [
    { type: "input", values: list(exact.values.get(g.x)), deltas: null, mixes: false, linear: null },
  ];
  model.layers.forEach((layer, i) => {
    const called = calledName(layer, i);
    const out = named.get(`${called}.${layerName(layer)}`);
    if (!out) return;
    const w = layer.type === "linear" ? parameter(`${called}.weight`) : null;
    const b = layer.type === "linear" ? parameter(`${called}.bias`) : null;
    layers.push({
      type: layer.type,
      values: list(exact.values.get(out)),
      deltas: back(out),
      mixes: WITH_PLACES.test(layer.type) || (layer.type === "linear" && out.shape.length > 2),
      linear:
        layer.type === "linear" && out.shape.length === 2 && w
          ? {
              name: called,
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
    wiring: model.layers.some((l) => "from" in l && l.from !== undefined)
      ? "branched"
      : layers.some((l) => l.mixes)
        ? "mixed"
        : "chain",
    tooDeep: layers.length > MOST_LAYERS,
  };
}
