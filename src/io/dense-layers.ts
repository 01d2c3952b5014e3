import { ChainruleError } from "../core/errors.ts";
import { lateLayerNames } from "../nn/layers/names.ts";
import type { DenseLayerSpec, LayerSpec } from "../nn/layers/spec.ts";
import { calledName, layerName, type ModelSpec } from "../nn/model-spec.ts";

const isLate = (layer: LayerSpec): boolean =>
  layer.type === "softmax" ? layer.axis !== undefined : (lateLayerNames as readonly string[]).includes(layer.type);

/**
 * The layers of a chain of layers between rows of numbers. Throws ChainruleError "usage" for any other net, by the layer,
 * for formats that hold no more than that.
 */
export function denseLayers(model: ModelSpec, what: string): readonly DenseLayerSpec[] {
  const at = model.layers.findIndex(
    (layer, i) => isLate(layer) || layer.from !== undefined || calledName(layer, i) !== `${i}`,
  );
  const wide = (model.input?.length ?? 1) > 1;
  if (at < 0 && !wide) return model.layers as readonly DenseLayerSpec[];
  const layer = at < 0 ? `rows of shape [${model.input!.join(", ")}]` : `layer ${at} (${layerName(model.layers[at]!)})`;
  throw new ChainruleError("usage", `${what}: ${layer}: only chains of dense layers can be written there`);
}
