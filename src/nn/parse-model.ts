import { register, registerAdapters } from "./layers/known.ts";
import { lateLayers, loraAdapters } from "./layers/late.ts";
import type { AnyLayerType } from "./layers/layer-type.ts";
import { layerTypeOf } from "./layers/registry.ts";
import { parseModel as parseKnown } from "./model.ts";
import type { ModelSpec } from "./model-spec.ts";

/**
 * Reads and checks a model as a file holds it: every field known, every layer's shape one that the next takes, every name
 * one that stands before. Throws ChainruleError "model" that names layer and field. With it come all types of layers.
 */
export function parseModel(json: unknown): ModelSpec {
  register(...lateLayers);
  registerAdapters(loraAdapters);
  return parseKnown(json);
}

/** What is known of a type of layer, of late ones too; null where there is none of the name. */
export function everyLayerType(type: string): AnyLayerType | null {
  register(...lateLayers);
  return layerTypeOf(type);
}
