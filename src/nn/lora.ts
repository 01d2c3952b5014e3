import { requireKnownFields } from "../core/arguments.ts";
import { ChainruleError } from "../core/errors.ts";
import { brief } from "../core/format.ts";
import { type NdArray, ndarray } from "../core/ndarray.ts";
import { type AdaptableMap, adaptableMaps, adapterNames } from "./adaptable.ts";
import { rewritten } from "./freeze.ts";
import type { AttentionLora } from "./layers/attention-spec.ts";
import { registerAdapters } from "./layers/known.ts";
import { loraAdapters } from "./layers/lora.ts";
import type { LoraSpec } from "./layers/lora-spec.ts";
import { layerTypeOf } from "./layers/registry.ts";
import type { LayerSpec } from "./layers/spec.ts";
import { calledName, layerName, type ModelSpec } from "./model-spec.ts";
import { parameterSpecs } from "./parameter-specs.ts";

/** How a model is adapted. */
export interface LoraOptions {
  /** Columns of A and rows of B, at least 1. */
  readonly rank: number;
  /** What an adapter adds is alpha / rank times x A B; twice the rank by default. */
  readonly alpha?: number;
  /** Share of an adapter's input that training drops, at least 0 and below 1; 0 by default. */
  readonly dropout?: number;
  /**
   * Which maps: "attention" (its projections), "linear" (linear layers) or "all-linear" (both), each without the model's
   * last layer; the name of a module's last part, as PEFT takes it (q_proj, c_attn, o_proj, mlp.c_fc), or of a layer, in
   * which * stands for any letters. By default attention's projections, or all linear layers where there is no attention.
   */
  readonly targets?: string | readonly string[];
}

/** The spec of a layer's adapters; undefined where it has none. */
export const loraOfLayer = (layer: LayerSpec): LoraSpec | AttentionLora | undefined =>
  layer.type === "linear" || layer.type === "attention" ? layer.lora : undefined;

/** Whether a model has low-rank adapters. */
export const isAdapted = (model: ModelSpec): boolean => model.layers.some((layer) => loraOfLayer(layer) !== undefined);

/**
 * The model with low-rank adapters (LoRA) beside linear maps, and all its own parameters frozen: a run trains the adapters
 * alone. Weights of the model as it was are enough to begin with: adapters are drawn from the seed, and change nothing at
 * first. Throws ChainruleError "usage" for a target that names nothing, saying what there is.
 *
 * @example
 * const adapted = lora(model, { rank: 8, alpha: 16, targets: ["q_proj", "v_proj"] });
 * const trainer = await createTrainer({ model: adapted, weights, data });
 */
export function lora(model: ModelSpec, options: LoraOptions): ModelSpec {
  requireKnownFields("lora", options, ["rank", "alpha", "dropout", "targets"]);
  const { rank, alpha = 2 * rank, dropout = 0 } = options;
  if (!Number.isInteger(rank) || rank < 1) bad(`rank must be a whole number from 1 up, got ${brief(rank)}`);
  if (!(alpha > 0 && Number.isFinite(alpha))) bad(`alpha must be a number above 0, got ${brief(alpha)}`);
  if (!(dropout >= 0 && dropout < 1)) bad(`dropout must be at least 0 and below 1, got ${brief(dropout)}`);
  return withAdapters(model, mapsOf(model, options.targets), () => ({ rank, alpha, dropout }));
}

/** The model with an adapter beside each of these maps, and its own parameters frozen. */
export function withAdapters(
  model: ModelSpec,
  maps: readonly AdaptableMap[],
  specOf: (map: AdaptableMap) => LoraSpec,
): ModelSpec {
  if (isAdapted(model)) bad("the model has adapters already");
  registerAdapters(loraAdapters);
  return rewritten(model, (layer, i) => {
    const own = maps.filter((map) => map.layer === i);
    const frozen = (layerTypeOf(layer.type)?.parameters?.(layer) ?? []).length > 0;
    const still = (frozen ? { ...layer, trainable: false } : layer) as LayerSpec;
    if (own.length === 0) return still;
    const spec = specOf(own[0]!);
    const targets = own.map(({ target }) => target);
    return { ...still, lora: layer.type === "attention" ? { ...spec, targets } : spec } as LayerSpec;
  });
}

const bad = (message: string): never => {
  throw new ChainruleError("usage", `lora: ${message}`);
};

/** Projections that overlap with in_proj, which is all three. */
const PARTS: readonly string[] = ["q_proj", "k_proj", "v_proj"];
/** Other libraries' words for attention's maps, in nets with names of their own. */
const WORDS: Readonly<Record<string, string>> = { c_attn: "in_proj", c_proj: "out_proj", o_proj: "out_proj" };

function mapsOf(model: ModelSpec, targets: LoraOptions["targets"]): readonly AdaptableMap[] {
  const all = adaptableMaps(model);
  const attends = all.some((map) => map.type === "attention");
  const words = targets === undefined ? [attends ? "attention" : "all-linear"] : [targets].flat();
  if (words.length === 0 || !words.every((word) => typeof word === "string" && word !== "")) {
    bad(`targets must be names, got ${brief(targets)}`);
  }
  const chosen = new Set<AdaptableMap>();
  for (const word of words) {
    const found = all.filter((map) => isMeant(model, map, word));
    if (found.length === 0) bad(`${misnamed(model, word)}; ${listOf(all)}`);
    // Three maps and the one that is all of them are not adapted at once: a kind, or a pattern, means the three.
    const apart = found.some(({ target }) => PARTS.includes(target));
    for (const map of found) if (!apart || map.target !== "in_proj") chosen.add(map);
  }
  return all.filter((map) => chosen.has(map));
}

function isMeant(model: ModelSpec, map: AdaptableMap, word: string): boolean {
  if (word === "attention" || word === "linear") return map.type === word && !map.head;
  if (word === "all-linear") return !map.head;
  const { path, target } = map;
  if (path === word || path.endsWith(`.${word}`) || (target !== "" && (target === word || target === WORDS[word]))) {
    return true;
  }
  const name = calledName(model.layers[map.layer]!, map.layer);
  const pattern = word.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${pattern.join(".*")}$`).test(name);
}

/** What is wrong with a target that means no map. */
function misnamed(model: ModelSpec, word: string): string {
  const layer = model.layers.find((own, i) => `.${calledName(own, i)}`.endsWith(`.${word}`));
  return layer
    ? `${brief(word)} is a layer ${layerName(layer)}, and adapters stand beside linear maps alone`
    : `no linear map is called ${brief(word)}`;
}

/** What may be named, for messages. */
function listOf(all: readonly AdaptableMap[]): string {
  if (all.length === 0) return "the model has no linear layer and no attention";
  const last = new Set(all.map(({ path }) => path.slice(path.lastIndexOf(".") + 1)));
  const kinds = new Set(all.map(({ type }) => type));
  return `there are ${[...last].join(", ")}, and the words ${[...kinds, "all-linear"].join(", ")}`;
}

/** The model as it was before it had adapters, with everything trained again that they had frozen. */
export function withoutAdapters(model: ModelSpec): ModelSpec {
  return rewritten(model, (layer) => {
    const { trainable: _, lora: __, ...rest } = layer as LayerSpec & { lora?: unknown };
    return rest as LayerSpec;
  });
}

/** The maps of a model that have adapters. */
export function adaptedMaps(model: ModelSpec): readonly AdaptableMap[] {
  const names = new Set(parameterSpecs(model).flatMap((p) => (p.adapter ? [p.name] : [])));
  return adaptableMaps(model).filter((map) => names.has(adapterNames(model, map)[0]));
}

/**
 * A model and weights that compute without adapters what the adapted ones do, to rounding: W + (alpha / rank) A B in the
 * place of W. Weights are [in, out] by name, as a trainer's.
 */
export function mergeLora(
  model: ModelSpec,
  weights: ReadonlyMap<string, NdArray>,
): { readonly model: ModelSpec; readonly weights: Map<string, NdArray> } {
  if (!isAdapted(model)) bad("the model has no adapters to merge");
  const merged = new Map(weights);
  for (const map of adaptedMaps(model)) {
    const names = adapterNames(model, map);
    const [a, b] = names.map((name) => weights.get(name)) as [NdArray, NdArray];
    const name = `${calledName(model.layers[map.layer]!, map.layer)}.${map.weight}`;
    const { alpha, rank } = loraOfLayer(model.layers[map.layer]!)!;
    const w = merged.get(name)!;
    merged.set(name, { ...w, data: addedProduct(w, a, b, alpha / rank, map.first) });
    for (const own of names) merged.delete(own);
  }
  return { model: withoutAdapters(model), weights: merged };
}

/** The values of w [in, N] with scale a b added to the columns from `first` on, in f64 before they are rounded. */
function addedProduct(w: NdArray, a: NdArray, b: NdArray, scale: number, first: number): NdArray["data"] {
  const N = w.shape[1]!;
  const [inputs, rank] = a.shape as readonly [number, number];
  const outputs = b.shape[1]!;
  const data = w.data.slice() as Float32Array;
  const sums = new Float64Array(outputs);
  for (let i = 0; i < inputs; i++) {
    sums.fill(0);
    for (let r = 0; r < rank; r++) {
      const own = a.data[i * rank + r]!;
      for (let o = 0; o < outputs; o++) sums[o]! += own * b.data[r * outputs + o]!;
    }
    for (let o = 0; o < outputs; o++) data[i * N + first + o] = data[i * N + first + o]! + scale * sums[o]!;
  }
  return data;
}

/** scale B A [out, in] of the arrays of a file, A [rank, in] and B [out, rank], turned to [in, out] where asked. */
export function lowRankProduct(a: NdArray, b: NdArray, scale: number, turned: boolean): NdArray {
  const [rank, inputs] = a.shape as readonly [number, number];
  const outputs = b.shape[0]!;
  const out = new Float64Array(outputs * inputs);
  for (let o = 0; o < outputs; o++) {
    for (let r = 0; r < rank; r++) {
      const own = scale * b.data[o * rank + r]!;
      for (let i = 0; i < inputs; i++) {
        const at = turned ? i * outputs + o : o * inputs + i;
        out[at] = out[at]! + own * a.data[r * inputs + i]!;
      }
    }
  }
  return ndarray(turned ? [inputs, outputs] : [outputs, inputs], "f64", out);
}
