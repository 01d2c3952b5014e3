import { statSync } from "node:fs";
import { join } from "node:path";
import { ChainruleError } from "../core/errors.ts";
import type { NdArray } from "../core/ndarray.ts";
import { readAdapter, writeAdapter } from "../io/peft/adapter.ts";
import { CONFIG_FILE, WEIGHTS_FILE } from "../io/peft/config.ts";
import { freeze } from "../nn/freeze.ts";
import { isAdapted, type LoraOptions, lora, mergeLora, withoutAdapters } from "../nn/lora.ts";
import type { ModelSpec } from "../nn/model-spec.ts";
import { parameterSpecs } from "../nn/parameter-specs.ts";
import { makeFolder, readJson, recordOf, tensorsAt, writeWhole } from "./files.ts";
import { numberFlag } from "./usage.ts";
import { type WeightsValues, weightsFlags, weightsIn } from "./weights-flags.ts";

/** The flag of commands that take an adapter beside weights. */
export const adapterOption = { adapter: { type: "string" } } as const;
/** Flags of a run that trains a part of a model. */
export const fineTuneOptions = {
  ...adapterOption,
  lora: { type: "string" },
  freeze: { type: "string", multiple: true },
} as const;

export interface FineTuneValues extends WeightsValues {
  readonly adapter?: string | undefined;
  readonly lora?: string | undefined;
  readonly freeze?: string[] | undefined;
}

/** A model, and the weights that flags name for it. */
export interface Start {
  readonly model: ModelSpec;
  /** Null where no flag names any. */
  readonly weights: Map<string, NdArray> | null;
}

/** The model of a run with what --freeze, --lora and --adapter make of it, and the weights that it begins with. */
export async function startOf(values: FineTuneValues, given: ModelSpec, digits: "f32" | "f64"): Promise<Start> {
  const match = (values.freeze ?? []).flatMap((text) => text.split(","));
  const model = match.length > 0 ? freeze(given, match) : given;
  const tensors = await weightsFlags(values, model);
  const adapts = values.adapter !== undefined ? "adapter" : values.lora !== undefined ? "lora" : null;
  if (values.adapter !== undefined && values.lora !== undefined) {
    throw new ChainruleError(
      "usage",
      "--adapter goes on with the adapters of a folder, --lora makes new ones: give one",
    );
  }
  if (adapts && !tensors) {
    throw new ChainruleError("usage", `--${adapts} adapts a model that has learned: --weights <file> is missing`);
  }
  if (values.adapter !== undefined) return withAdapterAt(values, model, tensors!, digits);
  const adapted = values.lora === undefined ? model : lora(model, parseLora(values.lora));
  return { model: adapted, weights: tensors && weightsFor(values.weights!, adapted, tensors, digits) };
}

/** Weights of an adapted model may be those of the model alone: adapters are drawn then. */
function weightsFor(
  file: string,
  model: ModelSpec,
  tensors: ReadonlyMap<string, NdArray>,
  digits: "f32" | "f64",
): Map<string, NdArray> {
  const whole = parameterSpecs(model).some((p) => p.adapter && tensors.has(p.name));
  return weightsIn(file, tensors, isAdapted(model) && !whole ? withoutAdapters(model) : model, digits);
}

async function withAdapterAt(
  { adapter: folder, weights: file }: FineTuneValues,
  model: ModelSpec,
  tensors: ReadonlyMap<string, NdArray>,
  digits: "f32" | "f64",
): Promise<Start> {
  const base = isAdapted(model) ? withoutAdapters(model) : model;
  const adapter = readAdapter(...(await adapterAt(folder!)), base);
  return { model: adapter.model, weights: new Map([...weightsIn(file!, tensors, base, digits), ...adapter.weights]) };
}

/** Settings and arrays of the adapter in a folder. */
export async function adapterAt(folder: string): Promise<[config: unknown, tensors: Map<string, NdArray>]> {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new ChainruleError(
      "file",
      `--adapter ${folder}: a folder is needed, with ${CONFIG_FILE} and ${WEIGHTS_FILE}`,
    );
  }
  return [readJson(join(folder, CONFIG_FILE)), await tensorsAt(join(folder, WEIGHTS_FILE))];
}

/**
 * Of a command that only computes: the model and the weights of --weights, with the adapter of --adapter merged into them.
 * The first is missing where the flag is.
 */
export async function mergedStart(values: FineTuneValues, given: ModelSpec): Promise<Start> {
  const { model, weights } = await startOf(values, given, "f32");
  if (!weights || !isAdapted(model)) return { model, weights };
  const lacking = parameterSpecs(model).find((p) => p.adapter && !weights.has(p.name));
  if (lacking)
    throw new ChainruleError("usage", `${lacking.name} is not among the weights: --adapter <folder> is missing`);
  return mergeLora(model, weights);
}

/** Where the record of preprocessing lies that belongs to weights, or to an adapter that learned later. */
export function recordBeside(weights: string, adapter: string | undefined): string {
  const own = adapter === undefined ? null : recordOf(join(adapter, WEIGHTS_FILE));
  return own !== null && statSync(own, { throwIfNoEntry: false }) ? own : recordOf(weights);
}

/** Finds out now whether an adapter can be kept at --save, and makes its folder. */
export function requireAdapterFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() || /\.(safetensors|npz)$/.test(path)) {
    throw new ChainruleError(
      "usage",
      `--save ${path}: an adapter is a folder, with ${CONFIG_FILE} and ${WEIGHTS_FILE}`,
    );
  }
  makeFolder(path);
}

/** Writes an adapter as PEFT has it, and how rows are prepared beside it. */
export function saveAdapter(
  folder: string,
  model: ModelSpec,
  weights: ReadonlyMap<string, NdArray>,
  record: string,
): void {
  writeWhole(recordOf(join(folder, WEIGHTS_FILE)), record);
  for (const [name, bytes] of writeAdapter(model, weights)) writeWhole(join(folder, name), bytes);
}

/** "8", "8,16", "8,16,q_proj,v_proj", with "dropout=0.1" anywhere behind the rank. */
function parseLora(text: string): LoraOptions {
  const [first, ...rest] = text.split(",").map((part) => part.trim());
  const rank = numberFlag("lora", first)!;
  const options = rest.flatMap((part) => /^dropout=(.*)$/.exec(part)?.[1] ?? []);
  const others = rest.filter((part) => !part.startsWith("dropout="));
  const alpha = others[0] !== undefined && /^[-\d.]/.test(others[0]) ? numberFlag("lora", others.shift()) : undefined;
  if (options.length > 1 || others.includes("")) {
    throw new ChainruleError("usage", `--lora takes rank,alpha,targets, such as 8,16,q_proj,v_proj, got "${text}"`);
  }
  const dropout = options.length > 0 ? numberFlag("lora", options[0])! : undefined;
  return {
    rank,
    ...(alpha === undefined ? {} : { alpha }),
    ...(dropout === undefined ? {} : { dropout }),
    ...(others.length > 0 ? { targets: others } : {}),
  };
}
