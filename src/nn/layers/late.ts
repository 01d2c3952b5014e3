import { type AdaptiveAvgPoolSpec, adaptivePoolLayers } from "./adaptive-pool.ts";
import { type AttentionSpec, attentionLayer } from "./attention.ts";
import { type BatchNormSpec, batchNormLayer } from "./batch-norm.ts";
import { type AddSpec, addLayer, type ConcatSpec, concatLayer, type MultiplySpec, multiplyLayer } from "./combine.ts";
import { type ConvSpec, conv1dLayer, conv2dLayer } from "./conv.ts";
import { type ConvTransposeSpec, convTranspose1dLayer, convTranspose2dLayer } from "./conv-transpose.ts";
import { type EmbeddingSpec, embeddingLayer } from "./embedding.ts";
import { type GroupNormSpec, groupNormLayer, type InstanceNormSpec, instanceNormLayer } from "./group-norm.ts";
import {
  type LateActivationSpec,
  type LogSoftmaxSpec,
  lateActivationLayers,
  type MaxoutSpec,
  type PreluSpec,
} from "./late-activations.ts";
import type { AnyLayerType } from "./layer-type.ts";
import { type AvgPoolSpec, type MaxPoolSpec, poolLayers } from "./pool.ts";
import { type PositionEmbeddingSpec, positionEmbeddingLayer } from "./position-embedding.ts";
import { gruLayer, lstmLayer, rnnLayer } from "./recurrent.ts";
import type { GruSpec, LstmSpec, RecurrentSpec, RnnSpec } from "./recurrent-passes.ts";
import {
  type FlattenSpec,
  flattenLayer,
  type PermuteSpec,
  permuteLayer,
  type ReshapeSpec,
  reshapeLayer,
} from "./reshape.ts";
import { type PadSpec, padLayer, type UpsampleSpec, upsampleLayer } from "./resize.ts";
import { type RmsNormSpec, rmsNormLayer } from "./rms-norm.ts";
import { type SoftmaxSpec, softmaxLayer } from "./softmax.ts";
import { type LastStepSpec, lastStepLayer, type MeanStepsSpec, meanStepsLayer } from "./steps.ts";
import { type TiedLinearSpec, tiedLinearLayer } from "./tied-linear.ts";

export { loraAdapters } from "./lora.ts";

/** A layer that only some nets want. */
export type LateLayerSpec =
  | ConvSpec
  | ConvTransposeSpec
  | MaxPoolSpec
  | AvgPoolSpec
  | AdaptiveAvgPoolSpec
  | UpsampleSpec
  | PadSpec
  | BatchNormSpec
  | GroupNormSpec
  | InstanceNormSpec
  | RmsNormSpec
  | AttentionSpec
  | PositionEmbeddingSpec
  | EmbeddingSpec
  | TiedLinearSpec
  | RecurrentSpec
  | LastStepSpec
  | MeanStepsSpec
  | FlattenSpec
  | ReshapeSpec
  | PermuteSpec
  | AddSpec
  | MultiplySpec
  | ConcatSpec
  | PreluSpec
  | MaxoutSpec
  | SoftmaxSpec
  | LogSoftmaxSpec
  | LateActivationSpec;

/** One of them without what the layer before tells. */
export type OpenLateLayer =
  | Omit<ConvSpec, "in">
  | Omit<ConvTransposeSpec, "in">
  | Omit<BatchNormSpec, "size">
  | Omit<GroupNormSpec, "size">
  | Omit<InstanceNormSpec, "size">
  | Omit<RmsNormSpec, "size">
  | Omit<LstmSpec, "in">
  | Omit<GruSpec, "in">
  | Omit<RnnSpec, "in">
  | Omit<AttentionSpec, "size">
  | Omit<PositionEmbeddingSpec, "length" | "size">;

/** Adding a layer is a line here, and its name in registry.ts. */
export const lateLayers: readonly AnyLayerType[] = [
  conv1dLayer,
  conv2dLayer,
  convTranspose1dLayer,
  convTranspose2dLayer,
  ...Object.values(poolLayers),
  ...Object.values(adaptivePoolLayers),
  upsampleLayer,
  padLayer,
  batchNormLayer,
  groupNormLayer,
  instanceNormLayer,
  rmsNormLayer,
  attentionLayer,
  positionEmbeddingLayer,
  embeddingLayer,
  tiedLinearLayer,
  lstmLayer,
  gruLayer,
  rnnLayer,
  lastStepLayer,
  meanStepsLayer,
  flattenLayer,
  reshapeLayer,
  permuteLayer,
  addLayer,
  multiplyLayer,
  concatLayer,
  ...lateActivationLayers,
  softmaxLayer,
];
