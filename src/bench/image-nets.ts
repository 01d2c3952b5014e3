import { allPresets } from "../nn/image-presets.ts";
import { relu } from "../nn/layers/activation.ts";
import { conv2d } from "../nn/layers/conv.ts";
import { linear } from "../nn/layers/linear.ts";
import { maxPool2d } from "../nn/layers/pool.ts";
import { flatten } from "../nn/layers/reshape.ts";
import { sequential } from "../nn/sequential.ts";
import type { StepSize } from "./step.ts";

/** Two convolutions with their pools, and a linear layer. */
export const lenet = sequential(
  [
    conv2d(8, 3, { padding: 1 }),
    relu(),
    maxPool2d(2),
    conv2d(16, 3, { padding: 1 }),
    relu(),
    maxPool2d(2),
    flatten(),
    linear(10),
  ],
  { input: [1, 28, 28], loss: "crossEntropy" },
);

/** Twenty layers with batch norm and short cuts. */
export const resnet20 = allPresets["fashion-resnet"]!.model;

/** Convolution nets whose training steps are timed. */
export const imageSteps: readonly StepSize[] = [
  { name: "lenet", model: lenet, batch: 64 },
  { name: "resnet20", model: resnet20, batch: 32 },
];
