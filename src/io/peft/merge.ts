import { ChainruleError } from "../../core/errors.ts";
import { cast, type NdArray, ndarray } from "../../core/ndarray.ts";
import { lowRankProduct } from "../../nn/lora.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { adapterPairs } from "./adapter.ts";

/**
 * The arrays of a model of Hugging Face's with an adapter's added to them, under the same names: W + (alpha / r) B A, turned
 * where the module keeps W as [in, out]. Floats come as f32. `model` is what the folder was read as.
 */
export function mergeIntoTensors(
  tensors: ReadonlyMap<string, NdArray>,
  model: ModelSpec,
  config: unknown,
  adapter: ReadonlyMap<string, NdArray>,
): Map<string, NdArray> {
  const merged = new Map([...tensors].map(([name, a]) => [name, a.dtype === "f64" ? cast(a, "f32") : a]));
  for (const { map, a, b, rank, alpha } of adapterPairs(config, adapter, model)) {
    // A net without its head has no prefix.
    const names = [`${map.path}.weight`, `${map.path.replace(/^(transformer|model)\./, "")}.weight`];
    const name = names.find((n) => merged.has(n));
    if (name === undefined) throw new ChainruleError("file", `weights: "${names[0]}" is missing`);
    const w = merged.get(name)!;
    const added = lowRankProduct(a, b, alpha / rank, map.fanInFanOut);
    const sum = Float32Array.from(w.data, (v, i) => v + added.data[i]!);
    merged.set(name, ndarray(w.shape, "f32", sum));
  }
  return merged;
}
