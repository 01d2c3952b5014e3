import { embedding } from "../nn/layers/embedding.ts";
import { layerNorm } from "../nn/layers/layer-norm.ts";
import { linear } from "../nn/layers/linear.ts";
import { positionEmbedding } from "../nn/layers/position-embedding.ts";
import { lstm as lstmLayer } from "../nn/layers/recurrent.ts";
import { lastStep } from "../nn/layers/steps.ts";
import { repeat, sequential } from "../nn/sequential.ts";
import { transformerBlock } from "../nn/transformer-block.ts";
import type { StepSize } from "./step.ts";

/** Four blocks of 128 with four heads, 128 steps of 65 tokens: norms before, exact GELU. */
export const gpt = sequential(
  [
    embedding(65, 128),
    positionEmbedding(),
    repeat(4, () => transformerBlock({ size: 128, heads: 4, causal: true })),
    layerNorm(),
    linear(65),
  ],
  { input: [128], loss: "crossEntropy" },
);

/** 64 steps of 32 numbers through 128 units, the last state to ten classes. */
export const lstm = sequential([lstmLayer(128), lastStep(), linear(10)], { input: [64, 32], loss: "crossEntropy" });

/** Nets of sequences whose training steps are timed. */
export const sequenceSteps: readonly StepSize[] = [
  { name: "gpt", model: gpt, batch: 8 },
  { name: "lstm", model: lstm, batch: 32 },
];
