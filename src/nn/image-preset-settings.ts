import type { TrainingPreset } from "./presets.ts";

/**
 * Data and settings of the presets with convolutions. Apart from their nets, so that a page reads a link that names one
 * before it has what makes layers.
 */
export const imagePresetSettings = {
  "digits-cnn": {
    data: "digits",
    optimizer: { type: "adam", lr: 0.002 },
    batch: 32,
    length: { epochs: 20 },
    seed: 1,
    logEvery: 100,
  },
  "fashion-cnn": {
    data: "fashion",
    optimizer: { type: "adam", lr: 0.001 },
    batch: 64,
    length: { epochs: 12 },
    seed: 1,
    logEvery: 50,
  },
  "fashion-resnet": {
    data: "fashion",
    optimizer: { type: "adam", lr: 0.002 },
    batch: 64,
    length: { epochs: 8 },
    seed: 1,
    logEvery: 10,
  },
} as const satisfies Readonly<Record<string, Omit<TrainingPreset, "description" | "model">>>;
