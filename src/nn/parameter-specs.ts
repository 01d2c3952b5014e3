import type { Shape } from "../core/ndarray.ts";
import type { LayerParameter } from "./layers/layer-type.ts";
import { layerTypeOf } from "./layers/registry.ts";
import type { LayerSpec } from "./layers/spec.ts";
import { calledName, type ModelSpec } from "./model-spec.ts";

/** A parameter of a model: its name in weights files and its shape here, W [in, out]. */
export interface ParameterSpec extends Omit<LayerParameter, "key"> {
  /** "0.weight": what the layer is called, and its role there, as in PyTorch. */
  readonly name: string;
  /** Index of its layer. */
  readonly layer: number;
  /** True where it keeps its value: it has no gradient, and an optimizer remembers nothing of it. */
  readonly frozen?: true;
}

/** Statistics of one layer, which lie one after the other in one array. */
export interface StatisticsSpec {
  /** Index of the layer. */
  readonly layer: number;
  readonly parts: readonly {
    /** "1.running_mean", as in PyTorch. */
    readonly name: string;
    readonly shape: Shape;
    /** First value of every element. */
    readonly first: number;
    readonly counts?: boolean;
  }[];
}

/** What gradients change, and what they would change were it not frozen, in the order of the layers. */
export function parameterSpecs(model: ModelSpec): readonly ParameterSpec[] {
  return model.layers.flatMap((layer, i) =>
    (layerTypeOf(layer.type)?.parameters?.(layer) ?? []).map(({ key, ...rest }) => ({
      name: `${calledName(layer, i)}.${key}`,
      layer: i,
      ...rest,
      ...(isFrozen(layer, key, rest) && { frozen: true as const }),
    })),
  );
}

function isFrozen({ trainable }: LayerSpec, key: string, { adapter }: Pick<LayerParameter, "adapter">): boolean {
  return !adapter && (trainable === false || trainable?.includes(key) === false);
}

/** What layers keep beside their parameters, and no gradient changes: batch norm's running statistics. */
export function statisticsSpecs(model: ModelSpec): readonly StatisticsSpec[] {
  return model.layers.flatMap((layer, i) => {
    const parts = layerTypeOf(layer.type)?.statistics?.(layer) ?? [];
    const named = parts.map(({ key, ...rest }) => ({ name: `${calledName(layer, i)}.${key}`, ...rest }));
    return named.length > 0 ? [{ layer: i, parts: named }] : [];
  });
}

/** An array in a weights file. */
export interface WeightSpec {
  readonly name: string;
  /** As it is here; `transposed` ones lie turned in files. */
  readonly shape: Shape;
  readonly transposed?: boolean;
  /** True of a number that only counts, which files hold as a scalar, and may lack. */
  readonly counts?: boolean;
}

/** All that a weights file holds, layer by layer: parameters, then statistics, as a PyTorch state_dict has them. */
export function weightSpecs(model: ModelSpec): readonly WeightSpec[] {
  const statistics = statisticsSpecs(model);
  const parameters = parameterSpecs(model);
  return model.layers.flatMap((_, i): WeightSpec[] => [
    ...parameters.filter((p) => p.layer === i),
    ...statistics.filter((s) => s.layer === i).flatMap((s) => s.parts),
  ]);
}
