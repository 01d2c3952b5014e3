import { ndarray, sizeOf } from "../core/ndarray.ts";
import type { Graph, Tensor } from "../graph/graph.ts";
import { activations } from "../ops/elementwise/activations.ts";
import { crossEntropy } from "../ops/loss/cross-entropy.ts";
import { addBias } from "../ops/matmul/bias.ts";
import { matmul } from "../ops/matmul/matmul.ts";
import { bad } from "./layers/fields.ts";
import { layerTypeOf } from "./layers/registry.ts";
import { calledName, layerName, type ModelSpec } from "./model-spec.ts";
import type { ModelTensors } from "./parameters.ts";
import { classLayout, shapesOf } from "./shapes.ts";

export interface ForwardOptions {
  /** Dropout and batch statistics are on while training. */
  readonly training: boolean;
  /** Seed of the dropout masks. */
  readonly seed: number;
  /** Counts steps, u32 [4]; only dropout reads it. */
  readonly cursor: Tensor | null;
  /** Steps of each row that count, i32 [batch], where rows are sequences of several lengths; null or absent: all. */
  readonly lengths?: Tensor | null;
  /** Steps of the net's window where x has one of them at a time; absent: as many as x has. */
  readonly window?: number;
}

const ops = { matmul, addBias, activations };
const lazy = () => import("../ops/lazy.ts");
const layerOps = () => import("../ops/layer-ops.ts");

const lazyActivations = async () => (await import("../ops/elementwise/lazy-activations.ts")).lazyActivations;

/** The same values under another shape. */
async function shaped(g: Graph, x: Tensor, shape: readonly number[], name: string): Promise<Tensor> {
  if (x.shape.length === shape.length) return x;
  const { reshape } = await layerOps();
  return g.one(reshape, [x], { shape }, name);
}

/**
 * Adds the forward pass: from rows x [batch, inputs] to the outputs [batch, outputs], each flat, whatever shapes the layers
 * have between. A layer with statistics leaves those that the step makes in `tensors`.
 */
export async function forward(
  g: Graph,
  model: ModelSpec,
  x: Tensor,
  tensors: ModelTensors,
  { training, seed, cursor, lengths = null, window }: ForwardOptions,
): Promise<Tensor> {
  const { input, sources } = shapesOf(model);
  const batch = x.shape[0]!;
  const first = await shaped(g, x, [batch, ...input], "x as the model takes it");
  const values: Tensor[] = [];
  for (const [index, layer] of model.layers.entries()) {
    const called = calledName(layer, index);
    const name = `${called}.${layerName(layer)}`;
    const inputs = sources[index]!.map((source) => (source < 0 ? first : values[source]!));
    const type = layerTypeOf(layer.type) ?? bad(`layer ${index}: ${layer.type} is not loaded`);
    const parameter = (key: string): Tensor => tensors.parameters.get(`${called}.${key}`)!;
    const statistics = (to?: Tensor): Tensor => {
      if (to) tensors.statistics.set(index, to);
      return tensors.statistics.get(index)!;
    };
    const c = {
      g,
      name,
      index,
      training,
      seed,
      cursor,
      lengths,
      window,
      parameter,
      shared: (key: string) => tensors.parameters.get(key)!,
      statistics,
      ops,
      lazy,
      layerOps,
      lazyActivations,
    };
    values.push(await type.forward(c, layer, inputs));
  }
  const last = values.at(-1)!;
  return shaped(g, last, [batch, sizeOf(last.shape) / batch], "outputs as rows");
}

/** Outputs and targets of crossEntropy as logits [n, classes] and labels i32 [n], with every place a row. */
export async function classRows(g: Graph, model: ModelSpec, outputs: Tensor, y: Tensor) {
  if (y.shape.length === 1) return { logits: outputs, labels: y };
  return (await import("./places.ts")).placesAsRows(g, classLayout(model), outputs, y);
}

/**
 * Adds the loss [1] of outputs against targets y. Of crossEntropy these are class indices, i32 [n] or [n, places]; negative
 * ones do not count.
 */
export async function lossOf(g: Graph, model: ModelSpec, outputs: Tensor, y: Tensor): Promise<Tensor> {
  const { classWeights, labelSmoothing: smoothing = 0 } = model;
  if (model.loss !== "crossEntropy") {
    const { lossOps } = await import("../ops/loss/losses.ts");
    return g.one(lossOps[model.loss].forward, [outputs, y], null, "loss");
  }
  const ignores = classLayout(model).ignoreIndex !== null;
  if (!classWeights && smoothing === 0 && !ignores) return g.one(crossEntropy, [outputs, y], null, "loss");
  const { classWeightSums, weightedCrossEntropy } = await import("../ops/lazy.ts");
  const { logits, labels } = await classRows(g, model, outputs, y);
  const [rows, classes] = logits.shape as readonly [number, number];
  const ones = new Float64Array(classes).fill(1);
  const weights = g.variable("class weights", ndarray([classes], "f64", classWeights ?? ones));
  const sums =
    classWeights || ignores
      ? g.one(classWeightSums, [labels, weights], null, "class weight sums")
      : g.variable("class weight sums", ndarray([2], "f32", [rows, classes]));
  return g.one(weightedCrossEntropy, [logits, labels, weights, sums], { smoothing }, "loss");
}
