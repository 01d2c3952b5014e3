import { embedding } from "../../nn/layers/embedding.ts";
import { layerNorm } from "../../nn/layers/layer-norm.ts";
import { linear } from "../../nn/layers/linear.ts";
import { positionEmbedding } from "../../nn/layers/position-embedding.ts";
import { gru, lstm } from "../../nn/layers/recurrent.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { block, type LayerItem, repeat, sequential } from "../../nn/sequential.ts";
import { transformerBlock } from "../../nn/transformer-block.ts";

/** Numbers of a token's row, and units behind them: what a CPU trains while one watches. */
const SIZE = 24;
const UNITS = 64;
/** Of the transformer: numbers of a step, heads, and blocks. */
const WIDTH = 32;
const HEADS = 4;
const BLOCKS = 2;

type MakeNet = (vocabulary: number, length: number) => ModelSpec;

const net =
  (size: number, layers: readonly LayerItem[]): MakeNet =>
  (vocabulary, length) =>
    sequential([embedding(vocabulary, size), layers, linear(vocabulary)], { input: [length], loss: "crossEntropy" });

/** Nets that learn a text: at every step they give logits of the token behind it. The first is there unasked. */
export const textNets: Readonly<Record<string, MakeNet>> = {
  lstm: net(SIZE, [lstm(UNITS)]),
  gru: net(SIZE, [gru(UNITS)]),
  transformer: net(WIDTH, [
    positionEmbedding(),
    repeat(BLOCKS, (i) => block(`h${i}`, transformerBlock({ size: WIDTH, heads: HEADS, causal: true }))),
    layerNorm(),
  ]),
};
