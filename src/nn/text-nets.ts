import { embedding } from "./layers/embedding.ts";
import { layerNorm } from "./layers/layer-norm.ts";
import { linear } from "./layers/linear.ts";
import { positionEmbedding } from "./layers/position-embedding.ts";
import { gru, lstm } from "./layers/recurrent.ts";
import type { ModelSpec } from "./model-spec.ts";
import { block, type LayerItem, repeat, sequential } from "./sequential.ts";
import { transformerBlock } from "./transformer-block.ts";

const perStep = { loss: "crossEntropy" } as const;

/** GPT-2's order of layers: tokens and places, blocks, a norm, and logits of the next token at each step. */
export function gpt(vocabulary: number, length: number, size: number, heads: number, blocks: number): ModelSpec {
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

/** Nets that learn any text, for as many tokens as it has and windows of so many: what the small presets are made of. */
export const textNets = {
  gru: (vocabulary, length) => recurrent(vocabulary, length, 24, gru(64)),
  lstm: (vocabulary, length) => recurrent(vocabulary, length, 32, lstm(128)),
  transformer: (vocabulary, length) => gpt(vocabulary, length, 64, 4, 2),
} as const satisfies Readonly<Record<string, (vocabulary: number, length: number) => ModelSpec>>;
