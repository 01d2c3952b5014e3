import { embedding } from "../../nn/layers/embedding.ts";
import { linear } from "../../nn/layers/linear.ts";
import { gru, lstm } from "../../nn/layers/recurrent.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { type LayerItem, sequential } from "../../nn/sequential.ts";

/** Numbers of a token's row, and units behind them: what a CPU trains while one watches. */
const SIZE = 24;
const UNITS = 64;

type MakeNet = (vocabulary: number, length: number) => ModelSpec;

const net =
  (layers: readonly LayerItem[]): MakeNet =>
  (vocabulary, length) =>
    sequential([embedding(vocabulary, SIZE), ...layers, linear(vocabulary)], {
      input: [length],
      loss: "crossEntropy",
    });

/** Nets that learn a text: at every step they give logits of the token behind it. The first is there unasked. */
export const textNets: Readonly<Record<string, MakeNet>> = {
  lstm: net([lstm(UNITS)]),
  gru: net([gru(UNITS)]),
};
