import { ChainruleError } from "../../core/errors.ts";
import type { LayerSpec } from "../../nn/layers/spec.ts";
import { calledName, layerName, type ModelSpec } from "../../nn/model-spec.ts";
import type { ParameterSpec } from "../../nn/parameter-specs.ts";
import { adapterName } from "./adapters.ts";
import { attentionNumpy, positionEmbeddingNumpy } from "./attention.ts";
import { convNumpy, convTransposeNumpy } from "./conv.ts";
import { denseNumpy } from "./dense.ts";
import { embeddingNumpy, tiedLinearNumpy } from "./embedding.ts";
import { lateActivationNumpy, logSoftmaxNumpy, maxoutNumpy, preluNumpy } from "./late-activations.ts";
import { batchNormNumpy, groupNormNumpy, rmsNormNumpy } from "./norms.ts";
import type { NumpyLayer } from "./place.ts";
import { adaptiveAvgPoolNumpy, avgPoolNumpy, maxPoolNumpy } from "./pool.ts";
import { lastStepNumpy, meanStepsNumpy, recurrentName, recurrentNumpy } from "./recurrent.ts";
import {
  addNumpy,
  concatNumpy,
  flattenNumpy,
  multiplyNumpy,
  padNumpy,
  permuteNumpy,
  reshapeNumpy,
  upsampleNumpy,
} from "./shaped.ts";

// biome-ignore lint/suspicious/noExplicitAny: the table holds layers of every kind
type AnyNumpyLayer = NumpyLayer<any>;

/** How each type of layer is computed in numpy; a page that has no such layer has no such line. */
const numpyLayers: Readonly<Record<LayerSpec["type"], AnyNumpyLayer>> = {
  linear: denseNumpy,
  layerNorm: denseNumpy,
  dropout: denseNumpy,
  relu: denseNumpy,
  relu6: denseNumpy,
  leakyRelu: denseNumpy,
  elu: denseNumpy,
  selu: denseNumpy,
  sigmoid: denseNumpy,
  tanh: denseNumpy,
  softplus: denseNumpy,
  gelu: denseNumpy,
  silu: denseNumpy,
  softmax: denseNumpy,
  custom: denseNumpy,
  conv1d: convNumpy,
  conv2d: convNumpy,
  convTranspose1d: convTransposeNumpy,
  convTranspose2d: convTransposeNumpy,
  maxPool1d: maxPoolNumpy,
  maxPool2d: maxPoolNumpy,
  avgPool1d: avgPoolNumpy,
  avgPool2d: avgPoolNumpy,
  adaptiveAvgPool1d: adaptiveAvgPoolNumpy,
  adaptiveAvgPool2d: adaptiveAvgPoolNumpy,
  upsample: upsampleNumpy,
  pad: padNumpy,
  batchNorm: batchNormNumpy,
  groupNorm: groupNormNumpy,
  instanceNorm: groupNormNumpy,
  rmsNorm: rmsNormNumpy,
  attention: attentionNumpy,
  positionEmbedding: positionEmbeddingNumpy,
  embedding: embeddingNumpy,
  tiedLinear: tiedLinearNumpy,
  lstm: recurrentNumpy,
  gru: recurrentNumpy,
  rnn: recurrentNumpy,
  lastStep: lastStepNumpy,
  meanSteps: meanStepsNumpy,
  flatten: flattenNumpy,
  reshape: reshapeNumpy,
  permute: permuteNumpy,
  add: addNumpy,
  multiply: multiplyNumpy,
  concat: concatNumpy,
  prelu: preluNumpy,
  hardSwish: lateActivationNumpy,
  hardSigmoid: lateActivationNumpy,
  mish: lateActivationNumpy,
  geluTanh: lateActivationNumpy,
  logSoftmax: logSoftmaxNumpy,
  maxout: maxoutNumpy,
};

/** Throws ChainruleError "usage" for a layer that no receipt can tell of. */
export function numpyLayer(layer: LayerSpec): AnyNumpyLayer {
  const found = Object.hasOwn(numpyLayers, layer.type) ? numpyLayers[layer.type] : null;
  if (found) return found;
  throw new ChainruleError("usage", `a receipt: ${layerName(layer)}: no lines in numpy are known for it`);
}

const NORMS: readonly string[] = ["layerNorm", "batchNorm", "groupNorm", "instanceNorm", "rmsNorm"];

/** Names of a parameter in a receipt, by its layer's place: "0.weight" is W0. */
export function parameterName(model: ModelSpec, { name, layer }: Pick<ParameterSpec, "name" | "layer">): string {
  const { type } = model.layers[layer]!;
  const adapter = adapterName(name.slice(calledName(model.layers[layer]!, layer).length + 1), layer);
  if (adapter) return adapter;
  const key = name.slice(name.lastIndexOf(".") + 1);
  if (key.startsWith("in_proj_")) return (key.endsWith("weight") ? "Win" : "bin") + layer;
  if (key !== "weight" && key !== "bias") return recurrentName(key, layer);
  if (key === "weight" && type === "prelu") return `slope${layer}`;
  const norm = NORMS.includes(type);
  return (key === "weight" ? (norm ? "gamma" : "W") : norm ? "beta" : "b") + layer;
}
