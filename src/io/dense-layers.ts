import { ChainruleError } from "../core/errors.ts";
import { lateLayerNames } from "../nn/layers/names.ts";
import type { DenseLayerSpec, LayerSpec } from "../nn/layers/spec.ts";
import { calledName, layerName, type ModelSpec } from "../nn/model-spec.ts";

const isLate = (layer: LayerSpec): boolean =>
  layer.type === "softmax" ? layer.axis !== undefined : (lateLayerNames as readonly string[]).includes(layer.type);

/** What no chain of dense layers has. */
const isOther = (layer: LayerSpec, i: number): boolean =>
  isLate(layer) || layer.from !== undefined || calledName(layer, i) !== `${i}`;

/** Whether a model is a chain of layers between rows of numbers, called by their places. */
export const isDense = ({ input, layers }: ModelSpec): boolean => (input?.length ?? 1) === 1 && !layers.some(isOther);

/**
 * The layers of a chain of layers between rows of numbers. Throws ChainruleError "usage" for any other net, by the layer,
 * for formats that hold no more than that.
 */
export function denseLayers(model: ModelSpec, what: string): readonly DenseLayerSpec[] {
  if (isDense(model)) return model.layers as readonly DenseLayerSpec[];
  const at = model.layers.findIndex(isOther);
  const layer = at < 0 ? `rows of shape [${model.input!.join(", ")}]` : `layer ${at} (${layerName(model.layers[at]!)})`;
  throw new ChainruleError("usage", `${what}: ${layer}: only chains of dense layers can be written there`);
}
