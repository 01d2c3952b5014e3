import { activationLayers } from "./activation.ts";
import { customLayerType } from "./custom.ts";
import { dropoutLayer } from "./dropout.ts";
import { register, registered } from "./known.ts";
import type { LateLayerSpec } from "./late.ts";
import { layerNormLayer } from "./layer-norm.ts";
import type { AnyLayerType } from "./layer-type.ts";
import { linearLayer } from "./linear.ts";
import { softmaxLayer } from "./softmax.ts";

/** Layers that dense nets are made of. Adding a layer is a line here, or in late.ts. */
const eager: readonly AnyLayerType[] = [
  linearLayer,
  ...activationLayers,
  softmaxLayer,
  dropoutLayer,
  layerNormLayer,
  customLayerType,
];

const fromTheStart = new Map(eager.map((type) => [type.type, type]));

/** Names of the layers that only some nets want: they load with the first model that has one. */
export const lateLayerNames = [
  "conv1d",
  "conv2d",
  "convTranspose1d",
  "convTranspose2d",
  "maxPool1d",
  "maxPool2d",
  "avgPool1d",
  "avgPool2d",
  "adaptiveAvgPool1d",
  "adaptiveAvgPool2d",
  "upsample",
  "pad",
  "batchNorm",
  "groupNorm",
  "instanceNorm",
  "rmsNorm",
  "flatten",
  "reshape",
  "permute",
  "add",
  "multiply",
  "concat",
  "prelu",
  "hardSwish",
  "hardSigmoid",
  "mish",
  "geluTanh",
  "logSoftmax",
  "maxout",
] as const satisfies readonly LateLayerSpec["type"][];

/** Every type that a model file may hold. */
export const layerTypes: readonly string[] = [
  ...[...fromTheStart.keys()].filter((type) => type !== "custom"),
  ...lateLayerNames,
];

/** What is known of a type; null for one that is unknown or not loaded yet. */
export const layerTypeOf = (type: string): AnyLayerType | null => fromTheStart.get(type) ?? registered(type);

/**
 * Loads the types that a model, or a list of layers, has and that are not known from the start. Whoever reads a model of
 * plain data waits for this before parseModel().
 */
export async function loadLayerTypes(model: unknown): Promise<void> {
  const layers = (model as { layers?: unknown } | null)?.layers;
  if (!Array.isArray(layers)) return;
  const types: unknown[] = layers.map((layer) => layer?.type);
  if (!lateLayerNames.some((name) => registered(name) === null && types.includes(name))) return;
  register(...(await import("./late.ts")).lateLayers);
}
