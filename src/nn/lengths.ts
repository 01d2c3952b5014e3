import { layerTypeOf } from "./layers/registry.ts";
import type { ModelSpec } from "./model-spec.ts";

/** Whether a model has a layer to which it matters how many steps of a row count. */
export const usesLengths = (model: ModelSpec): boolean =>
  model.layers.some((layer) => layerTypeOf(layer.type)?.lengths?.(layer) ?? false);
