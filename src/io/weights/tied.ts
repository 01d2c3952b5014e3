import { ChainruleError } from "../../core/errors.ts";
import { type NdArray, sameShape } from "../../core/ndarray.ts";
import { isTurnedInFiles } from "../../nn/layers/tied-linear.ts";
import { calledName, type ModelSpec } from "../../nn/model-spec.ts";
import { transpose } from "./transpose.ts";

/**
 * Arrays without the second names of those that layers share: PyTorch's state_dict has an embedding's weight under the
 * head's name too, and may have a linear layer's, turned where the map that shares it turns it. Throws where the two differ.
 */
export function withoutShared(tensors: ReadonlyMap<string, NdArray>, model: ModelSpec): ReadonlyMap<string, NdArray> {
  const out = new Map(tensors);
  const names = model.layers.map(calledName);
  model.layers.forEach((layer, i) => {
    if (layer.type !== "tiedLinear") return;
    const [own, other] = [`${names[i]}.weight`, `${layer.to}.weight`];
    const [found, value] = [tensors.get(own), tensors.get(other)];
    out.delete(own);
    if (!found) return;
    const lender = model.layers[names.indexOf(layer.to)]!.type;
    const copy = isTurnedInFiles(layer, lender) && found.shape.length === 2 ? transpose(found) : found;
    if (!value) out.set(other, copy);
    else if (!sameShape(copy.shape, value.shape) || copy.data.some((v, k) => v !== value.data[k])) {
      throw new ChainruleError("file", `weights: "${own}" and "${other}" are one parameter here, and differ`);
    }
  });
  return out;
}
