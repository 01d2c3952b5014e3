import type { TrainingPreset } from "./presets.ts";

/**
 * Texts and settings of the presets that learn one. Apart from their nets, so that a page knows them before it has what
 * makes layers.
 */
export const sequencePresetSettings = {
  "gpt-tiny": {
    data: "persuasion",
    optimizer: { type: "adamw", lr: 0.003, weightDecay: 0.01 },
    batch: 16,
    length: { steps: 600 },
    seed: 1,
    logEvery: 20,
  },
  "gpt-small": {
    data: "tang",
    optimizer: { type: "adamw", lr: 0.001, weightDecay: 0.01 },
    batch: 16,
    length: { steps: 1000 },
    seed: 1,
    logEvery: 10,
  },
  "lstm-text": {
    data: "persuasion",
    optimizer: { type: "adam", lr: 0.005 },
    batch: 32,
    length: { steps: 600 },
    seed: 1,
    logEvery: 20,
  },
  names: {
    data: "names",
    optimizer: { type: "adam", lr: 0.005 },
    batch: 32,
    length: { steps: 600 },
    seed: 1,
    logEvery: 20,
  },
} as const satisfies Readonly<Record<string, Omit<TrainingPreset, "description" | "model">>>;

/** Tokens of their windows. */
export const presetWindows: Readonly<Record<keyof typeof sequencePresetSettings, number>> = {
  "gpt-tiny": 64,
  "gpt-small": 48,
  "lstm-text": 64,
  names: 16,
};
