import type { NdArray } from "../../core/ndarray.ts";
import { type KerasLayer, nameOf } from "./layer.ts";
import type { ParameterName, WeightSource } from "./weights.ts";

/** Weights of layers that are called several times: every call but the first is given what the first was. */
export function sharedWeights(weights: WeightSource): WeightSource & { readonly shared: ReadonlySet<string> } {
  const taken = new Map<string, NdArray>();
  const shared = new Set<string>();
  const keyOf = ({ path }: KerasLayer, parameter: ParameterName): string => [...path, parameter].join("/");
  return {
    size: weights.size,
    shared,
    take(layer, parameter) {
      const key = keyOf(layer, parameter);
      const before = layer.again ? taken.get(key) : undefined;
      if (before) shared.add(nameOf(layer));
      const array = before ?? weights.take(layer, parameter);
      taken.set(key, array);
      return array;
    },
    pass(layer, parameter) {
      if (!layer.again) weights.pass(layer, parameter);
    },
    left: () => weights.left(),
  };
}
