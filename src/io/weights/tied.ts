import { ChainruleError } from "../../core/errors.ts";
import { type NdArray, sameShape } from "../../core/ndarray.ts";
import { calledName, type ModelSpec } from "../../nn/model-spec.ts";

/**
 * Arrays without the second names of those that layers share: PyTorch's state_dict has an embedding's weight under the
 * head's name too. Throws where the two differ.
 */
export function withoutShared(tensors: ReadonlyMap<string, NdArray>, model: ModelSpec): ReadonlyMap<string, NdArray> {
  const out = new Map(tensors);
  model.layers.forEach((layer, i) => {
    if (layer.type !== "tiedLinear") return;
    const [own, other] = [`${calledName(layer, i)}.weight`, `${layer.to}.weight`];
    const [copy, value] = [tensors.get(own), tensors.get(other)];
    out.delete(own);
    if (!copy) return;
    if (!value) out.set(other, copy);
    else if (!sameShape(copy.shape, value.shape) || copy.data.some((v, k) => v !== value.data[k])) {
      throw new ChainruleError("file", `weights: "${own}" and "${other}" are one parameter here, and differ`);
    }
  });
  return out;
}
