import { ndarray } from "../core/ndarray.ts";
import type { Graph, Tensor } from "../graph/graph.ts";
import { activations } from "../ops/elementwise/activations.ts";
import { dropout } from "../ops/elementwise/dropout.ts";
import { addBias } from "../ops/matmul/bias.ts";
import { matmul } from "../ops/matmul/matmul.ts";
import { customForward } from "./custom-layer.ts";
import { losses } from "./losses.ts";
import { type LayerSpec, layerName, type ModelSpec } from "./model.ts";

export interface ForwardOptions {
  /** Dropout is on while training and absent in evaluation. */
  readonly training: boolean;
  /** Seed of the dropout masks. */
  readonly seed: number;
  /** Counts steps, u32 [4]; only dropout reads it. */
  readonly cursor: Tensor | null;
}

/** Adds the forward pass: from x [batch, inputs] to the outputs [batch, outputs]. */
export async function forward(
  g: Graph,
  model: ModelSpec,
  x: Tensor,
  parameters: ReadonlyMap<string, Tensor>,
  options: ForwardOptions,
): Promise<Tensor> {
  let value = x;
  for (const [i, layer] of model.layers.entries()) value = await layerForward(g, layer, i, value, parameters, options);
  return value;
}

async function layerForward(
  g: Graph,
  layer: LayerSpec,
  i: number,
  x: Tensor,
  parameters: ReadonlyMap<string, Tensor>,
  options: ForwardOptions,
): Promise<Tensor> {
  const name = `${i}.${layerName(layer)}`;
  const parameter = (key: string): Tensor => parameters.get(`${i}.${key}`)!;
  switch (layer.type) {
    case "linear": {
      const product = g.one(matmul, [x, parameter("weight")], null, layer.bias ? `${i}.product` : name);
      return layer.bias ? g.one(addBias, [product, parameter("bias")], null, name) : product;
    }
    case "layerNorm": {
      const { layerNorm } = await import("../ops/lazy.ts");
      return g.one(layerNorm, [x, parameter("weight"), parameter("bias")], { eps: layer.eps }, name);
    }
    case "dropout":
      if (!options.training || layer.p === 0) return x;
      return g.one(dropout, [x, options.cursor!], { p: layer.p, seed: options.seed, layer: i }, name);
    case "custom":
      return customForward(g, layer, name, x, parameter, options.training);
    case "softmax": {
      const { softmax } = await import("../ops/lazy.ts");
      return g.one(softmax, [x], null, name);
    }
    default: {
      const alpha = layer.type === "leakyRelu" ? layer.slope : layer.type === "elu" ? layer.alpha : 0;
      return g.one(activations[layer.type]!.forward, [x], { alpha }, name);
    }
  }
}

/** Adds the loss [1] of outputs against targets y. */
export async function lossOf(g: Graph, model: ModelSpec, outputs: Tensor, y: Tensor): Promise<Tensor> {
  const { classWeights, labelSmoothing: smoothing = 0 } = model;
  if (!classWeights && smoothing === 0) return g.one(losses[model.loss].op, [outputs, y], null, "loss");
  const { classWeightSums, weightedCrossEntropy } = await import("../ops/lazy.ts");
  const [rows, classes] = outputs.shape as readonly [number, number];
  const ones = new Float64Array(classes).fill(1);
  const weights = g.variable("class weights", ndarray([classes], "f64", classWeights ?? ones));
  const sums = classWeights
    ? g.one(classWeightSums, [y, weights], null, "class weight sums")
    : g.variable("class weight sums", ndarray([2], "f32", [rows, classes]));
  return g.one(weightedCrossEntropy, [outputs, y, weights, sums], { smoothing }, "loss");
}
