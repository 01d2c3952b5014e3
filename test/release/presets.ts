import { readFile } from "node:fs/promises";
import { dataPreset } from "../../src/data/presets.ts";
import { allPresets } from "../../src/nn/image-presets.ts";
import type { TrainerOptions } from "../../src/train/run/options.ts";

/** The run that a preset's name stands for. */
export async function presetRun(name: string): Promise<TrainerOptions> {
  const { model, data, optimizer, batch, seed, init } = allPresets[name]!;
  const read = async (file: string) =>
    new Uint8Array(await readFile(new URL(`../../public/data/${file}`, import.meta.url)));
  const { train, test } = await dataPreset(data).load(read, { seed });
  return { model, data: train, test, optimizer, batch, seed, ...(init ? { init } : {}) };
}
