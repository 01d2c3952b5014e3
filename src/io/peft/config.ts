import { ChainruleError } from "../../core/errors.ts";
import { brief } from "../../core/format.ts";

export const CONFIG_FILE = "adapter_config.json";
export const WEIGHTS_FILE = "adapter_model.safetensors";

export const refuse = (message: string): never => {
  throw new ChainruleError("file", `${CONFIG_FILE}: ${message}`);
};

/** What an adapter's settings come to for one module. */
export interface AdapterSettings {
  readonly dropout: number;
  /** Of the module of that path. */
  rankOf(path: string): number;
  /** alpha as it is divided by rank. */
  alphaOf(path: string): number;
}

/** Settings that say nothing of what an adapter computes: where it came from, which modules it is for (its arrays' names do). */
const ASIDE =
  /^(auto_mapping|base_model_name_or_path|peft_version|revision|task_type|inference_mode|target_modules|exclude_modules|layers_to_transform|layers_pattern|fan_in_fan_out|megatron_core|megatron_config|runtime_config|qalora_group_size|loftq_config)$/;
/** First values that leave the model's own weights as they are. */
const PLAIN_STARTS: readonly unknown[] = [undefined, null, true, false, "gaussian", "orthogonal"];

const isOff = (value: unknown): boolean =>
  value === null || value === false || (typeof value === "object" && Object.keys(value as object).length === 0);

/** Reads adapter_config.json. Throws ChainruleError "file" by the name of a setting that changes more than is known here. */
export function adapterSettings(json: unknown): AdapterSettings {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return refuse("an object is needed");
  const {
    peft_type: type,
    r: rank = 8,
    lora_alpha: alpha = 8,
    lora_dropout: dropout = 0,
    use_rslora: stabilised = false,
    bias = "none",
    init_lora_weights: start,
    rank_pattern: ranks = {},
    alpha_pattern: alphas = {},
    ...rest
  } = json as Record<string, unknown>;
  if (type !== "LORA") refuse(`"peft_type" is ${brief(type)}; adapters of "LORA" are read`);
  if (bias !== "none") refuse(`"bias" is ${brief(bias)}; adapters that leave biases alone ("none") are read`);
  if (!PLAIN_STARTS.includes(start)) {
    refuse(`"init_lora_weights" is ${brief(start)}: such an adapter belongs to other weights than the base model's`);
  }
  if (typeof stabilised !== "boolean") refuse(`"use_rslora" must be true or false, got ${brief(stabilised)}`);
  const unknown = Object.keys(rest).find((key) => !ASIDE.test(key) && !isOff(rest[key]));
  if (unknown !== undefined) refuse(`"${unknown}" is ${brief(rest[unknown])}, which is not read`);
  if (typeof dropout !== "number" || !(dropout >= 0 && dropout < 1)) {
    return refuse(`"lora_dropout" must be at least 0 and below 1, got ${brief(dropout)}`);
  }
  const rankOf = byPath("rank_pattern", ranks, "r", rank, (v) => Number.isInteger(v) && v >= 1);
  const own = byPath("alpha_pattern", alphas, "lora_alpha", alpha, (v) => v > 0 && Number.isFinite(v));
  // Rank-stabilised adapters divide by the root of the rank.
  const alphaOf = (path: string): number => own(path) * (stabilised ? Math.sqrt(rankOf(path)) : 1);
  return { dropout, rankOf, alphaOf };
}

/** A number for all modules, and others for those that a pattern names: a path, or its last parts. */
function byPath(
  key: string,
  given: unknown,
  plain: string,
  fallback: unknown,
  fits: (value: number) => boolean,
): (path: string) => number {
  const patterns = Object.entries((given ?? {}) as object);
  for (const [name, value] of [[plain, fallback] as const, ...patterns]) {
    if (typeof value !== "number" || !fits(value)) refuse(`"${name}" must be a number above 0, got ${brief(value)}`);
  }
  const odd = patterns.find(([name]) => !/^[\w.-]+$/.test(name));
  if (odd) refuse(`"${key}" has the pattern ${brief(odd[0])}; names of modules are read`);
  return (path) => (patterns.find(([name]) => path === name || path.endsWith(`.${name}`))?.[1] ?? fallback) as number;
}

/** One module of an adapter that is written. */
export interface AdapterModule {
  readonly path: string;
  readonly rank: number;
  readonly alpha: number;
  readonly dropout: number;
  readonly fanInFanOut: boolean;
}

/** The text of adapter_config.json; `all` are the paths of all modules that might have been adapted. */
export function adapterConfig(modules: readonly AdapterModule[], all: readonly string[]): string {
  const first = modules[0]!;
  const others = (key: "rank" | "alpha") =>
    Object.fromEntries(modules.filter((m) => m[key] !== first[key]).map((m) => [m.path, m[key]]));
  const config = {
    alpha_pattern: others("alpha"),
    auto_mapping: null,
    base_model_name_or_path: null,
    bias: "none",
    fan_in_fan_out: modules.every((m) => m.fanInFanOut),
    inference_mode: true,
    init_lora_weights: true,
    layers_pattern: null,
    layers_to_transform: null,
    lora_alpha: first.alpha,
    lora_dropout: first.dropout,
    modules_to_save: null,
    peft_type: "LORA",
    r: first.rank,
    rank_pattern: others("rank"),
    revision: null,
    target_modules: [...new Set(modules.map(({ path }) => shortest(path, modules, all)))],
    task_type: /^(transformer|model)\./.test(first.path) ? "CAUSAL_LM" : null,
    use_dora: false,
    use_rslora: false,
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** As few of a path's last parts as mean no module that is not adapted: PEFT takes every module whose path ends so. */
function shortest(path: string, modules: readonly AdapterModule[], all: readonly string[]): string {
  const parts = path.split(".");
  for (let n = 1; n < parts.length; n++) {
    const end = parts.slice(-n).join(".");
    const meant = all.filter((other) => other === end || other.endsWith(`.${end}`));
    if (meant.every((other) => modules.some((m) => m.path === other))) return end;
  }
  return path;
}
