import { statSync } from "node:fs";
import { basename } from "node:path";
import { ChainruleError } from "../core/errors.ts";
import type { Shape } from "../core/ndarray.ts";
import type { DataSplit, Dataset } from "../data/dataset.ts";
import { gunzipIfNeeded } from "../data/gunzip.ts";
import { dataPreset, dataPresets } from "../data/presets.ts";
import { splitThreeWays } from "../data/split.ts";
import { standardise, standardiseChannels } from "../data/standardise.ts";
import { dataFormat, KNOWN_FORMATS } from "../io/dataset/format.ts";
import type { BytesAs } from "../io/dataset/image-arrays.ts";
import { loadDataSplit } from "../io/dataset/load.ts";
import { named } from "../io/naming.ts";
import { allPresets } from "../nn/image-presets.ts";
import { wantsLength } from "../nn/model-length.ts";
import type { ModelSpec } from "../nn/model-spec.ts";
import { modelWarnings } from "../nn/model-warnings.ts";
import { parseModel } from "../nn/parse-model.ts";
import type { TrainingPreset } from "../nn/presets.ts";
import { sequencePresets } from "../nn/sequence-presets.ts";
import { shapesOf } from "../nn/shapes.ts";
import { requireRowShape } from "../train/data/row-shape.ts";
import type { DataFlags } from "./data-flags.ts";
import { fitTask, requireTask } from "./data-task.ts";
import { readBytes, readJson, readShipped } from "./files.ts";
import { folderData, isFolder } from "./image-folder.ts";
import { asLearned, type Learned, noteScaling } from "./learned-names.ts";
import { note } from "./output.ts";
import { requireUse } from "./table-flags.ts";

/** A bare word that no file has for its name: meant as a preset. A path is one on any system, a\\b and C:x among them. */
function isNoFile(source: string): boolean {
  return !/[./\\:]/.test(source) && !statSync(source, { throwIfNoEntry: false })?.isFile();
}

/** Nets for rows of the page's data sets, and nets that learn a text. */
const presets: Readonly<Record<string, TrainingPreset>> = { ...allPresets, ...sequencePresets };

/** A model by the name of a preset, or from a JSON file. */
export function loadModel(source: string): { model: ModelSpec; preset: TrainingPreset | null } {
  const preset = Object.hasOwn(presets, source) ? presets[source]! : null;
  if (preset) return { model: preset.model, preset };
  if (isNoFile(source)) {
    const names = Object.keys(presets).join(", ");
    throw new ChainruleError(
      "usage",
      `there is no preset or file "${source}"; presets are ${names}; or give a model file`,
    );
  }
  return { model: parsed(source, readJson(source)), preset: null };
}

function parsed(source: string, json: unknown): ModelSpec {
  try {
    const model = parseModel(json);
    for (const warning of modelWarnings(model)) note(`warning: ${warning}`);
    return model;
  } catch (error) {
    throw named(basename(source), error);
  }
}

/** The same; a model that leaves its input to the data takes the shape of their rows, null where they tell none. */
export async function loadModelFor(
  source: string,
  rowOf: () => Shape | null | Promise<Shape | null>,
): Promise<ReturnType<typeof loadModel>> {
  if (Object.hasOwn(presets, source) || isNoFile(source)) return loadModel(source);
  const json = readJson(source);
  const row = wantsLength(json) ? await rowOf() : null;
  if (row) note(`"input" is [${row.join(", ")}], as the data have rows`);
  return { model: parsed(source, row ? { ...(json as object), input: row } : json), preset: null };
}

/** The shape of a file's rows, whatever the model; null of a preset and of a folder. */
export async function rowsOfFile(source: string, flags: DataFlags): Promise<Shape | null> {
  if (Object.hasOwn(dataPresets, source) || isNoFile(source) || isFolder(source)) return null;
  const name = basename(source);
  const bytes = await gunzipIfNeeded(name, readBytes(source));
  const read = (file: string) => Promise.resolve(readBytes(source.slice(0, source.length - name.length) + file));
  const { train } = await loadDataSplit(name, bytes, { ...flags.file, read });
  return train.shape ?? train.x.shape.slice(1);
}

export interface DataChoice {
  /** Preset or file. */
  readonly source: string;
  /** How a file is read and divided; presets have test rows of their own. */
  readonly flags?: DataFlags;
  readonly seed: number;
  /** What the weights learned from that the run begins with. */
  readonly learned?: Learned | null;
}

/** Rows by the name of a preset, or from a file; a file's rows are all for training unless some are held out. */
export async function loadData(
  { source, flags, seed, learned = null }: DataChoice,
  model: ModelSpec,
): Promise<DataSplit> {
  if (Object.hasOwn(dataPresets, source)) {
    return inUnits(await dataPreset(source).load(readShipped, { seed }), flags, learned);
  }
  if (isNoFile(source) && !isFolder(source)) {
    const names = Object.keys(dataPresets).join(", ");
    if (source === "-") {
      throw new ChainruleError(
        "usage",
        "--data names a file, and - is none: write what comes on standard input into one",
      );
    }
    throw new ChainruleError(
      "usage",
      `there is no data preset or file "${source}"; presets are ${names}; files ${KNOWN_FORMATS}`,
    );
  }
  requireTask(model, flags?.file.task);
  if (isFolder(source)) {
    requireUse(flags?.given ?? [], basename(source), "images");
    const images = await folderData(source, { size: flags?.imageSize, input: shapesOf(model).input });
    return fitted(source, images, model, flags, learned);
  }
  const name = basename(source);
  const bytes = await gunzipIfNeeded(name, readBytes(source));
  requireUse(flags?.given ?? [], name, dataFormat(name, bytes));
  const file = await loadDataSplit(name, bytes, {
    ...flags?.file,
    ...(flags?.channelsLast ? { channelsLast: true } : {}),
    ...bytesOf(model),
    read: (file) => Promise.resolve(readBytes(source.slice(0, source.length - name.length) + file)),
  });
  return fitted(source, file, model, flags, learned);
}

/** What bytes are to a model, where it says so: one of tokens takes numbers, one of images pixels. */
export function bytesOf(model: ModelSpec): { readonly bytes?: BytesAs } {
  const { tokens, input } = shapesOf(model);
  return tokens ? { bytes: "numbers" } : input.length > 2 ? { bytes: "pixels" } : {};
}

/** Rows of a file or folder as the model takes them, divided and scaled as flags say. */
function fitted(
  source: string,
  file: DataSplit,
  model: ModelSpec,
  flags: DataFlags | undefined,
  learned: Learned | null,
): DataSplit {
  for (const part of [file.train, file.validation, file.test]) {
    if (part?.shape) requireRowShape(shapesOf(model).input, part.shape, part.name);
  }
  const matched = (part: Dataset): Dataset => fitTask(part, model, flags?.file.task);
  const matching: DataSplit = {
    train: matched(file.train),
    ...(file.validation ? { validation: matched(file.validation) } : {}),
    test: file.test && matched(file.test),
  };
  return inUnits(divided(source, matching, flags), flags, learned);
}

/** In the order that weights learned, and scaled as flags say. */
function inUnits(given: DataSplit, flags: DataFlags | undefined, learned: Learned | null): DataSplit {
  const split = learned ? asLearned(given, learned) : given;
  const scale = flags?.standardiseChannels ? standardiseChannels : flags?.standardise ? standardise : null;
  const scaled = scale ? scale(split) : split;
  if (learned) noteScaling(learned, scaled.train);
  return scaled;
}

/** The rows of a file in the shares asked for, beside those that it holds out itself. */
function divided(source: string, file: DataSplit, flags: DataFlags | undefined): DataSplit {
  const { validation, test } = flags?.split ?? { validation: 0, test: 0 };
  if ((test > 0 && file.test) || (validation > 0 && file.validation)) {
    const what = test > 0 && file.test ? "test" : "validation";
    throw new ChainruleError("usage", `${source} holds ${what} rows of its own: give --split no share for ${what}`);
  }
  const { stratify, splitSeed = 0 } = flags ?? {};
  const shares = { validation, test, seed: splitSeed, stratify: stratify ?? true };
  const split = splitThreeWays(file.train, shares);
  return {
    ...split,
    ...(file.validation ? { validation: file.validation } : {}),
    ...(file.test ? { test: file.test } : {}),
  };
}
