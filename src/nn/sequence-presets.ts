import { embedding } from "./layers/embedding.ts";
import { layerNorm } from "./layers/layer-norm.ts";
import { linear } from "./layers/linear.ts";
import { positionEmbedding } from "./layers/position-embedding.ts";
import { gru, lstm } from "./layers/recurrent.ts";
import type { ModelSpec } from "./model-spec.ts";
import type { TrainingPreset } from "./presets.ts";
import { block, type LayerItem, repeat, sequential } from "./sequential.ts";
import { transformerBlock } from "./transformer-block.ts";

/**
 * Tokens of the shipped texts by their characters: those of the first nine tenths, and one for any other. A test holds
 * them to the texts.
 */
const CHARACTERS = { persuasion: 76, tang: 3558, names: 55 } as const;

const perStep = { loss: "crossEntropy" } as const;

/** GPT-2's order of layers: tokens and places, blocks, a norm, and logits of the next token at each step. */
function gpt(vocabulary: number, length: number, size: number, heads: number, blocks: number): ModelSpec {
  return sequential(
    [
      { ...embedding(vocabulary, size), name: "tokens" },
      { ...positionEmbedding(), name: "places" },
      repeat(blocks, (i) => block(`h.${i}`, transformerBlock({ size, heads, causal: true }))),
      { ...layerNorm(), name: "norm" },
      { ...linear(vocabulary), name: "head" },
    ],
    { input: [length], ...perStep },
  );
}

/** An embedding, a recurrent layer, and logits of the next token at each step. */
function recurrent(vocabulary: number, length: number, size: number, layer: LayerItem): ModelSpec {
  return sequential([embedding(vocabulary, size), layer, linear(vocabulary)], { input: [length], ...perStep });
}

/** Nets that learn a text, with a text and settings that train them well. */
export const sequencePresets: Readonly<Record<string, TrainingPreset>> = {
  "gpt-tiny": {
    description: "English by its characters: two transformer blocks of 64, windows of 64",
    model: gpt(CHARACTERS.persuasion, 64, 64, 4, 2),
    data: "persuasion",
    optimizer: { type: "adamw", lr: 0.003, weightDecay: 0.01 },
    batch: 16,
    length: { steps: 600 },
    seed: 1,
    logEvery: 20,
  },
  "gpt-small": {
    description: "Tang quatrains by their characters: four transformer blocks of 192, windows of 48",
    model: gpt(CHARACTERS.tang, 48, 192, 6, 4),
    data: "tang",
    optimizer: { type: "adamw", lr: 0.001, weightDecay: 0.01 },
    batch: 16,
    length: { steps: 1000 },
    seed: 1,
    logEvery: 10,
  },
  "lstm-text": {
    description: "English by its characters: an lstm of 128, windows of 64",
    model: recurrent(CHARACTERS.persuasion, 64, 32, lstm(128)),
    data: "persuasion",
    optimizer: { type: "adam", lr: 0.005 },
    batch: 32,
    length: { steps: 600 },
    seed: 1,
    logEvery: 20,
  },
  names: {
    description: "first names by their characters: a gru of 64, windows of 16",
    model: recurrent(CHARACTERS.names, 16, 24, gru(64)),
    data: "names",
    optimizer: { type: "adam", lr: 0.005 },
    batch: 32,
    length: { steps: 600 },
    seed: 1,
    logEvery: 20,
  },
};
