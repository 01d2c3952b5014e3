import { activationLayers } from "./activation.ts";
import { dropoutLayer } from "./dropout.ts";
import { knowsAdapters, register, registerAdapters, registered } from "./known.ts";
import { layerNormLayer } from "./layer-norm.ts";
import type { AnyLayerType } from "./layer-type.ts";
import { linearLayer } from "./linear.ts";
import { lateLayerNames } from "./names.ts";

/** Layers that dense nets are made of. Adding a layer is a line here, or in late.ts. */
const eager: readonly AnyLayerType[] = [linearLayer, ...activationLayers, dropoutLayer, layerNormLayer];

const fromTheStart = new Map(eager.map((type) => [type.type, type]));

/** Every type that a model file may hold. */
export const layerTypes: readonly string[] = [...fromTheStart.keys(), ...lateLayerNames];

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
  const adapted = !knowsAdapters() && layers.some((layer) => layer?.lora || layer?.trainable);
  if (!adapted && !lateLayerNames.some((name) => registered(name) === null && types.includes(name))) return;
  const { lateLayers, loraAdapters } = await import("./late.ts");
  register(...lateLayers);
  registerAdapters(loraAdapters);
}
