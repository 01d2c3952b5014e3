import { attentionMaps } from "./layers/attention.ts";
import { linearMaps } from "./layers/linear.ts";
import type { Projection } from "./layers/lora-spec.ts";
import { calledName, type ModelSpec } from "./model-spec.ts";

/** A linear map of a model that may have a low-rank adapter. */
export interface AdaptableMap extends Projection {
  /** Index of its layer. */
  readonly layer: number;
  readonly type: "linear" | "attention";
  /** The module that it is in a net of Hugging Face's transformers, and in PEFT's files: "transformer.h.0.attn.c_attn". */
  readonly path: string;
  /** Whether that module keeps its weight as [in, out], as transformers' Conv1D does. */
  readonly fanInFanOut: boolean;
  /** True of the model's last layer, which "all-linear" leaves out. */
  readonly head: boolean;
}

/** What attention's maps are called, by the names of a net's layers. */
interface Naming {
  readonly prefix: string;
  /** Names of those that are modules there. */
  readonly maps: Readonly<Record<string, string>>;
  readonly conv1d: boolean;
}

const GPT2: Naming = { prefix: "transformer.", maps: { in_proj: "c_attn", out_proj: "c_proj" }, conv1d: true };
const LLAMA: Naming = {
  prefix: "model.",
  maps: { q_proj: "q_proj", k_proj: "k_proj", v_proj: "v_proj", out_proj: "o_proj" },
  conv1d: false,
};
const own = ["in_proj", "q_proj", "k_proj", "v_proj", "out_proj"];
const OWN: Naming = { prefix: "", maps: Object.fromEntries(own.map((name) => [name, name])), conv1d: false };

/** Layers of a net that came from transformers have its names. */
function namingOf(model: ModelSpec): Naming {
  const attention = model.layers.flatMap((layer, i) => (layer.type === "attention" ? [calledName(layer, i)] : []));
  if (attention.length === 0) return OWN;
  if (attention.every((name) => /^h\.\d+\.attn$/.test(name)) && isThere(model, "wte")) return GPT2;
  if (attention.every((name) => /^layers\.\d+\.self_attn$/.test(name)) && isThere(model, "embed_tokens")) return LLAMA;
  return OWN;
}

const isThere = (model: ModelSpec, embedding: string): boolean =>
  model.layers.some((layer, i) => layer.type === "embedding" && calledName(layer, i) === embedding);

/** Every linear map that may have an adapter: linear layers, and attention's projections. */
export function adaptableMaps(model: ModelSpec): readonly AdaptableMap[] {
  const { prefix, maps, conv1d } = namingOf(model);
  return model.layers.flatMap((layer, i): AdaptableMap[] => {
    const name = calledName(layer, i);
    const head = i === model.layers.length - 1;
    const path = (name === "lm_head" ? "" : prefix) + name;
    if (layer.type === "linear") {
      const fanInFanOut = conv1d && name !== "lm_head";
      return linearMaps(layer).map((map) => ({ ...map, layer: i, type: "linear", path, fanInFanOut, head }));
    }
    if (layer.type !== "attention") return [];
    const common = { layer: i, type: "attention", fanInFanOut: conv1d, head } as const;
    return attentionMaps(layer)
      .filter(({ target }) => Object.hasOwn(maps, target))
      .map((map) => ({ ...map, ...common, path: `${path}.${maps[map.target]}` }));
  });
}

/** The names of a map's parameters A and B among the model's weights. */
export function adapterNames(model: ModelSpec, { layer, target }: AdaptableMap): readonly [a: string, b: string] {
  const at = calledName(model.layers[layer]!, layer) + (target && `.${target}`);
  return [`${at}.lora_A.weight`, `${at}.lora_B.weight`];
}
