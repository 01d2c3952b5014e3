import { ChainruleError } from "../core/errors.ts";
import { layerName, type ModelSpec } from "../nn/model-spec.ts";

/** Throws where a model has a low-rank adapter, for what writes nets into places that know of none. */
export function refuseAdapters(model: ModelSpec, what: string): void {
  const layer = model.layers.find((own) => "lora" in own && own.lora !== undefined);
  if (!layer) return;
  const how = "merge its adapters first (mergeLora, chainrule merge)";
  throw new ChainruleError(
    "usage",
    `${what}: ${layerName(layer)} has a low-rank adapter, which is not written there: ${how}`,
  );
}
