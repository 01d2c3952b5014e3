import type { ModelSpec } from "./model-spec.ts";
import type { TrainingPreset } from "./presets.ts";
import { presetWindows, sequencePresetSettings } from "./sequence-preset-settings.ts";
import { gpt, textNets } from "./text-nets.ts";

/**
 * Tokens of the shipped texts by their characters: those of the first nine tenths, and one for any other. A test holds
 * them to the texts.
 */
const CHARACTERS = { persuasion: 76, tang: 3558, names: 55 } as const;

type Name = keyof typeof sequencePresetSettings;

function preset(
  name: Name,
  description: string,
  model: (vocabulary: number, length: number) => ModelSpec,
): TrainingPreset {
  const settings = sequencePresetSettings[name];
  return { ...settings, description, model: model(CHARACTERS[settings.data], presetWindows[name]) };
}

/** Nets that learn a text, with a text and settings that train them well. */
export const sequencePresets: Readonly<Record<Name, TrainingPreset>> = {
  "gpt-tiny": preset(
    "gpt-tiny",
    "English by its characters: two transformer blocks of 64, windows of 64",
    textNets.transformer,
  ),
  "gpt-small": preset(
    "gpt-small",
    "Tang quatrains by their characters: four transformer blocks of 192, windows of 48",
    (vocabulary, length) => gpt(vocabulary, length, 192, 6, 4),
  ),
  "lstm-text": preset("lstm-text", "English by its characters: an lstm of 128, windows of 64", textNets.lstm),
  names: preset("names", "first names by their characters: a gru of 64, windows of 16", textNets.gru),
};
