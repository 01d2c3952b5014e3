import { attentionAdapters } from "../nn/layers/attention.ts";
import { linearMaps } from "../nn/layers/linear.ts";
import { adapterMask } from "../nn/layers/lora.ts";
import type { LoraSpec, Projection } from "../nn/layers/lora-spec.ts";
import type { LayerSpec } from "../nn/layers/spec.ts";

/** An adapter of a layer. */
export interface LayerAdapter extends Projection {
  readonly spec: LoraSpec;
  /** What stands before its product: alpha / rank. */
  readonly scale: number;
  /** The layer by whose masks its input is dropped. */
  readonly mask: number;
}

/** The low-rank adapters of layer `index`, in the order in which its forward pass adds them. */
export function adaptersOf(layer: LayerSpec, index: number): readonly LayerAdapter[] {
  if (layer.type !== "linear" && layer.type !== "attention") return [];
  const { lora } = layer;
  if (!lora) return [];
  const maps = layer.type === "linear" ? linearMaps(layer) : attentionAdapters(layer);
  return maps.map((map) => {
    // Counted among those beside one weight.
    const place = maps.filter(({ weight }) => weight === map.weight).indexOf(map);
    return { ...map, spec: lora, scale: lora.alpha / lora.rank, mask: adapterMask(index, place) };
  });
}
