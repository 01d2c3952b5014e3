import { requireMatches } from "../optim/groups.ts";
import { registerAdapters } from "./layers/known.ts";
import { loraAdapters } from "./layers/lora.ts";
import { layerTypeOf } from "./layers/registry.ts";
import type { LayerSpec } from "./layers/spec.ts";
import { readModel } from "./model.ts";
import { calledName, type ModelSpec } from "./model-spec.ts";
import { parameterSpecs } from "./parameter-specs.ts";

/**
 * The model with parameters that keep their values: they have no gradient, an optimizer remembers nothing of them, and the
 * way back ends where nothing in front is trained. `match` are names, in which * stands for any letters ("h.0.*"), or
 * roles, as in ParameterGroupSpec; what was frozen stays so, and adapters are never frozen. Statistics of batch norm go on,
 * as those of a PyTorch module whose parameters want no gradient. Throws ChainruleError "usage" for a name that is nowhere.
 */
export function freeze(model: ModelSpec, match: string | readonly string[]): ModelSpec {
  registerAdapters(loraAdapters);
  const matches = requireMatches("freeze", [match].flat(), parameterSpecs(model));
  return rewritten(model, (layer, i) => {
    const own = (layerTypeOf(layer.type)?.parameters?.(layer) ?? []).filter((p) => !p.adapter);
    const before = layer.trainable ?? own.map((p) => p.key);
    const left = own.flatMap(({ key, role }) => {
      const trains = before !== false && before.includes(key);
      return trains && !matches({ name: `${calledName(layer, i)}.${key}`, role }) ? [key] : [];
    });
    if (left.length === own.length) return layer;
    return { ...layer, trainable: left.length > 0 ? left : false };
  });
}

/** The model with other layers, read again. */
export function rewritten(model: ModelSpec, change: (layer: LayerSpec, i: number) => LayerSpec): ModelSpec {
  return readModel({ ...model, layers: model.layers.map(change) }, false);
}
