import { basename } from "node:path";
import { ChainruleError } from "../core/errors.ts";
import type { DataSplit } from "../data/dataset.ts";
import { dataPreset, dataPresets } from "../data/presets.ts";
import { splitThreeWays } from "../data/split.ts";
import { standardise } from "../data/standardise.ts";
import { loadDataFile } from "../io/load-file.ts";
import { losses } from "../nn/losses.ts";
import { type ModelSpec, parseModel } from "../nn/model.ts";
import { type TrainingPreset, trainingPresets } from "../nn/presets.ts";
import type { DataFlags } from "./data-flags.ts";
import { readBytes, readJson, readShipped } from "./files.ts";

/** A model by the name of a preset, or from a JSON file. */
export function loadModel(source: string): { model: ModelSpec; preset: TrainingPreset | null } {
  const preset = Object.hasOwn(trainingPresets, source) ? trainingPresets[source]! : null;
  if (preset) return { model: preset.model, preset };
  if (!source.includes(".") && !source.includes("/")) {
    const names = Object.keys(trainingPresets).join(", ");
    throw new ChainruleError(
      "usage",
      `there is no preset "${source}"; presets are ${names}; a model file ends in .json`,
    );
  }
  return { model: parseModel(readJson(source)), preset: null };
}

export interface DataChoice {
  /** Preset or file. */
  readonly source: string;
  /** How a file is read and divided; presets have test rows of their own. */
  readonly flags?: DataFlags;
  readonly seed: number;
}

/** Rows by the name of a preset, or from a file; a file's rows are all for training unless some are held out. */
export async function loadData({ source, flags, seed }: DataChoice, model: ModelSpec): Promise<DataSplit> {
  if (Object.hasOwn(dataPresets, source)) return dataPreset(source).load(readShipped, { seed });
  if (!source.includes(".") && !source.includes("/")) {
    const names = Object.keys(dataPresets).join(", ");
    throw new ChainruleError(
      "usage",
      `there is no data preset "${source}"; presets are ${names}; or give a .safetensors, .npz, .npy, .csv or IDX file`,
    );
  }
  const task = losses[model.loss].targets === "classes" || model.loss === "bce" ? "classification" : "regression";
  const dataset = await loadDataFile(basename(source), readBytes(source), {
    task,
    ...flags?.file,
    read: (file) => Promise.resolve(readBytes(source.slice(0, source.length - basename(source).length) + file)),
  });
  const { validation, test } = flags?.split ?? { validation: 0, test: 0 };
  const { stratify, splitSeed = 0 } = flags ?? {};
  const split = splitThreeWays(dataset, { validation, test, seed: splitSeed, stratify: stratify ?? true });
  return flags?.standardise ? standardise(split) : split;
}
