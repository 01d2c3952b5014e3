import { ChainruleError } from "../../core/errors.ts";
import { cast, firstNotFinite, type NdArray, sameShape, shapeText } from "../../core/ndarray.ts";
import { type AdaptableMap, adaptableMaps, adapterNames } from "../../nn/adaptable.ts";
import type { LoraSpec } from "../../nn/layers/lora-spec.ts";
import { adaptedMaps, isAdapted, loraOfLayer, withAdapters, withoutAdapters } from "../../nn/lora.ts";
import { calledName, layerName, type ModelSpec } from "../../nn/model-spec.ts";
import { writeSafetensors } from "../safetensors/safetensors.ts";
import { transpose } from "../weights/transpose.ts";
import { adapterConfig, adapterSettings, CONFIG_FILE, WEIGHTS_FILE } from "./config.ts";

/** What PEFT puts before the path of a module. */
const PREFIX = "base_model.model.";
/** Modules that an error lists. */
const LISTED = 6;

/** An adapted model, and the values of its adapters, [in, out] by the model's names. */
export interface Adapter {
  /** The model with adapters, everything else frozen. */
  readonly model: ModelSpec;
  /** Of the adapters alone. */
  readonly weights: Map<string, NdArray>;
}

/** A module's two matrices as a file has them, A [rank, in] and B [out, rank], and how they are meant. */
export interface AdapterPair extends LoraSpec {
  readonly map: AdaptableMap;
  readonly a: NdArray;
  readonly b: NdArray;
}

/**
 * The adapters of a model as the files of a folder that PEFT reads, by name: adapter_config.json and
 * adapter_model.safetensors, whose arrays are called as modules of Hugging Face's transformers are where the model's layers
 * have those names, and else by the model's own. `weights` [in, out] may hold the base model's too.
 * Throws ChainruleError "usage" where the model has no adapters, or some that drop differently.
 */
export function writeAdapter(
  model: ModelSpec,
  weights: ReadonlyMap<string, NdArray>,
): Map<typeof CONFIG_FILE | typeof WEIGHTS_FILE, string | Uint8Array> {
  if (!isAdapted(model)) throw new ChainruleError("usage", "the model has no adapters to write");
  const maps = adaptedMaps(model);
  const modules = maps.map((map) => ({ ...map, ...loraOfLayer(model.layers[map.layer]!)! }));
  if (modules.some((m) => m.dropout !== modules[0]!.dropout)) {
    throw new ChainruleError("usage", `${CONFIG_FILE} has one "lora_dropout", the model's adapters have several`);
  }
  const arrays = maps.flatMap((map) =>
    adapterNames(model, map).map((name, k): [string, NdArray] => {
      const value = weights.get(name);
      if (!value) throw new ChainruleError("file", `weights: ${name} is missing`);
      return [`${PREFIX}${map.path}.lora_${"AB"[k]}.weight`, cast(transpose(value), "f32")];
    }),
  );
  return new Map<typeof CONFIG_FILE | typeof WEIGHTS_FILE, string | Uint8Array>([
    [
      CONFIG_FILE,
      adapterConfig(
        modules,
        adaptableMaps(model).map(({ path }) => path),
      ),
    ],
    [WEIGHTS_FILE, writeSafetensors(arrays, { format: "pt" })],
  ]);
}

/**
 * An adapter of PEFT's for a model: what adapter_config.json holds, as JSON gives it, and the arrays of
 * adapter_model.safetensors. Where the model has adapters already, those of the file take their place. Throws
 * ChainruleError "file" naming a setting that is not understood, an array that belongs nowhere, or one of another shape.
 */
export function readAdapter(config: unknown, tensors: ReadonlyMap<string, NdArray>, given: ModelSpec): Adapter {
  const base = isAdapted(given) ? withoutAdapters(given) : given;
  const pairs = adapterPairs(config, tensors, base);
  const specs = new Map<number, LoraSpec>();
  for (const { map, rank, alpha, dropout } of pairs) {
    const before = specs.get(map.layer);
    if (before && (before.rank !== rank || before.alpha !== alpha)) {
      const name = calledName(base.layers[map.layer]!, map.layer);
      throw new ChainruleError(
        "file",
        `${CONFIG_FILE}: ${name} has adapters of several ranks or alphas, which is not read`,
      );
    }
    specs.set(map.layer, { rank, alpha, dropout });
  }
  const model = withAdapters(
    base,
    pairs.map(({ map }) => map),
    ({ layer }) => specs.get(layer)!,
  );
  const weights = new Map(
    pairs.flatMap(({ map, a, b }) => {
      const [nameA, nameB] = adapterNames(model, map);
      return [[nameA, transpose(a)] as const, [nameB, transpose(b)] as const];
    }),
  );
  return { model, weights };
}

/** The modules of an adapter, in the order of the model's layers. */
export function adapterPairs(
  config: unknown,
  tensors: ReadonlyMap<string, NdArray>,
  model: ModelSpec,
): readonly AdapterPair[] {
  const settings = adapterSettings(config);
  const fail = (message: string): never => {
    throw new ChainruleError("file", `${WEIGHTS_FILE}: ${message}`);
  };
  const found = new Map<string, { a?: NdArray; b?: NdArray }>();
  for (const [name, value] of tensors) {
    const match = /^(?:base_model\.model\.)?(.+)\.lora_([AB])(?:\.default)?\.weight$/.exec(name);
    if (!match) {
      const what = /\.lora_embedding_[AB]\b/.test(name) ? "adapts an embedding" : "is no lora_A or lora_B";
      return fail(`"${name}" ${what}: adapters of linear maps are read`);
    }
    const [, path, which] = match as unknown as [string, string, "A" | "B"];
    found.set(path, { ...found.get(path), [which === "A" ? "a" : "b"]: value });
  }
  if (found.size === 0) fail("it holds no adapters");
  const maps = adaptableMaps(model);
  const strange = [...found.keys()].find((path) => !maps.some((map) => map.path === path));
  if (strange !== undefined) {
    const paths = maps.slice(0, LISTED).map((map) => map.path);
    const layer = model.layers.find((own, i) => `.${strange}`.endsWith(`.${calledName(own, i)}`));
    if (layer) fail(`"${strange}" is a layer ${layerName(layer)}: adapters of linear maps are read`);
    fail(`the model has no module "${strange}"; it has ${paths.join(", ")}${maps.length > LISTED ? " and more" : ""}`);
  }
  return maps.flatMap((map): AdapterPair[] => {
    const own = found.get(map.path);
    if (!own) return [];
    const rank = settings.rankOf(map.path);
    const array = (which: "A" | "B", value: NdArray | undefined, shape: readonly number[]): NdArray => {
      const name = `${map.path}.lora_${which}.weight`;
      if (!value) return fail(`"${name}" is missing`);
      if (!sameShape(value.shape, shape)) {
        fail(`"${name}" is ${shapeText(value.shape)}, the model and a rank of ${rank} want ${shapeText(shape)}`);
      }
      if (firstNotFinite(value.data) >= 0) fail(`"${name}" holds ${value.data[firstNotFinite(value.data)]}`);
      return cast(value, "f32");
    };
    const [a, b] = [array("A", own.a, [rank, map.inputs]), array("B", own.b, [map.outputs, rank])];
    return [{ map, a, b, rank, alpha: settings.alphaOf(map.path), dropout: settings.dropout }];
  });
}
