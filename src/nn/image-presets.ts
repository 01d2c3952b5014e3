import { imagePresetSettings } from "./image-preset-settings.ts";
import { relu } from "./layers/activation.ts";
import { adaptiveAvgPool2d } from "./layers/adaptive-pool.ts";
import { batchNorm } from "./layers/batch-norm.ts";
import { conv2d } from "./layers/conv.ts";
import { dropout } from "./layers/dropout.ts";
import { linear } from "./layers/linear.ts";
import { maxPool2d } from "./layers/pool.ts";
import { flatten } from "./layers/reshape.ts";
import type { ModelSpec } from "./model-spec.ts";
import { type TrainingPreset, trainingPresets } from "./presets.ts";
import { block, type LayerItem, repeat, residual, sequential } from "./sequential.ts";

const three = (out: number, stride = 1) => conv2d(out, 3, { padding: 1, stride, bias: false });
const classes = { loss: "crossEntropy" } as const;

/** Two convolutions with batch norm beside what came in; where places or channels change, a 1x1 convolution beside them. */
function basicBlock(out: number, stride: number): LayerItem {
  const short = stride === 1 ? [] : [conv2d(out, 1, { stride, bias: false }), batchNorm()];
  return [residual([three(out, stride), batchNorm(), relu(), three(out), batchNorm()], short), relu()];
}

/** Twenty layers for small images (He et al., 2016, section 4.2): three stages of three blocks, 16, 32 and 64 channels. */
const resnet20 = sequential(
  [
    block("stem", [three(16), batchNorm(), relu()]),
    [16, 32, 64].map((out, stage) =>
      block(
        `stage${stage + 1}`,
        repeat(3, (i) => block(`block${i + 1}`, [basicBlock(out, stage > 0 && i === 0 ? 2 : 1)])),
      ),
    ),
    block("head", [adaptiveAvgPool2d(1), flatten(), linear(10)]),
  ],
  { input: [1, 28, 28], ...classes },
);

/** Images at least this wide are pooled behind the first convolution too. */
const WIDE = 16;

/** Two convolutions of 16 and 32 channels with pools, and a linear layer: for images [channels, height, width]. */
export function imageNet(input: readonly [number, number, number], outputs: number): ModelSpec {
  const firstPool = Math.min(input[1], input[2]) >= WIDE ? [maxPool2d(2)] : [];
  return sequential(
    [
      conv2d(16, 3, { padding: 1 }),
      relu(),
      firstPool,
      conv2d(32, 3, { padding: 1 }),
      relu(),
      maxPool2d(2),
      flatten(),
      dropout(0.3),
      linear(outputs),
    ],
    { input, ...classes },
  );
}

/** Convolution nets with a data set and settings that train them well. */
const imagePresets: Readonly<Record<keyof typeof imagePresetSettings, TrainingPreset>> = {
  "digits-cnn": {
    description: "handwritten digits, 8 x 8, by two convolutions",
    model: imageNet([1, 8, 8], 10),
    ...imagePresetSettings["digits-cnn"],
  },
  "fashion-cnn": {
    description: "ten kinds of clothing, 28 x 28, by two convolutions",
    model: imageNet([1, 28, 28], 10),
    ...imagePresetSettings["fashion-cnn"],
  },
  "fashion-resnet": {
    description: "ten kinds of clothing, 28 x 28, by twenty layers with short cuts and batch norm",
    model: resnet20,
    ...imagePresetSettings["fashion-resnet"],
  },
};

/** All presets by name. A page that trains dense nets alone has trainingPresets, and loads no more. */
export const allPresets: Readonly<Record<string, TrainingPreset>> = { ...trainingPresets, ...imagePresets };
