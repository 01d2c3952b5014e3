import { ndarray } from "../../src/core/ndarray.ts";
import { normals, randomWord, STREAM, uniforms } from "../../src/core/philox.ts";
import { lateLayerNames } from "../../src/nn/layers/names.ts";
import { layerTypes } from "../../src/nn/layers/registry.ts";
import { lossKinds } from "../../src/nn/loss-kinds.ts";
import type { ModelSpec } from "../../src/nn/model-spec.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { widths } from "../../src/nn/shapes.ts";
import type { OptimizerSpec } from "../../src/optim/optimizer.ts";
import type { TrainerOptions } from "../../src/train/run/options.ts";
import { everyLayer } from "../shared/every-layer.ts";

/** Every optimizer in every form. */
export const optimizerForms: readonly (readonly [string, OptimizerSpec])[] = [
  ["sgd", { type: "sgd", lr: 0.1 }],
  ["sgd, decay", { type: "sgd", lr: 0.1, weightDecay: 0.1 }],
  ["sgd, momentum", { type: "sgd", lr: 0.05, momentum: 0.9 }],
  ["sgd, nesterov, decay", { type: "sgd", lr: 0.05, momentum: 0.8, nesterov: true, weightDecay: 0.01 }],
  ["adam", { type: "adam", lr: 0.01 }],
  ["adam, decay, betas", { type: "adam", lr: 0.01, weightDecay: 0.1, beta1: 0.5, beta2: 0.9, eps: 1e-4 }],
  ["adamw", { type: "adamw", lr: 0.01 }],
  ["rmsprop", { type: "rmsprop", lr: 0.01 }],
  ["rmsprop, momentum, decay", { type: "rmsprop", lr: 0.005, momentum: 0.9, weightDecay: 0.1, alpha: 0.9 }],
  ["adagrad", { type: "adagrad", lr: 0.05 }],
  ["adagrad, decay", { type: "adagrad", lr: 0.05, weightDecay: 0.1 }],
];

/** Rows that suit a model: normal inputs, targets that cannot be learnt. */
export function rowsFor(model: ModelSpec, n: number): TrainerOptions["data"] {
  const { inputs, outputs } = widths(model);
  const x = ndarray([n, inputs], "f32", normals(7, STREAM.check, 0, n * inputs));
  if (lossKinds[model.loss].targets === "values") {
    return { x, y: ndarray([n, outputs], "f32", uniforms(7, STREAM.check, 1, n * outputs)) };
  }
  const label = (_: unknown, i: number): number => randomWord(7, STREAM.check, 2, i) % outputs;
  return { x, y: ndarray([n], "i32", Int32Array.from({ length: n }, label)) };
}

const between = (layer: object, loss = "mse"): ModelSpec =>
  parseModel({ layers: [{ type: "linear", in: 5, out: 8 }, layer, { type: "linear", in: 8, out: 3 }], loss });

/** Small runs that use every layer, loss, optimizer and setting between them. */
export function smallRuns(): readonly (readonly [string, TrainerOptions])[] {
  const of = (model: ModelSpec, more: Partial<TrainerOptions> = {}): TrainerOptions => ({
    model,
    data: rowsFor(model, 50),
    batch: 16,
    seed: 5,
    optimizer: { type: "sgd", lr: 0.1 },
    ...more,
  });
  // Those of other nets are in PyTorch's tables.
  const dense = layerTypes.filter((type) => !(lateLayerNames as readonly string[]).includes(type));
  const single = dense.map((type): [string, TrainerOptions] => {
    const layer = { linear: { in: 8, out: 8 }, dropout: { p: 0.4 }, layerNorm: { size: 8 } }[type] ?? {};
    return [`layer ${type}`, of(between({ type, ...layer }))];
  });
  const tanh = between({ type: "tanh" });
  return [
    ...single,
    ...["sumSquaredError", "huber", "crossEntropy", "bce"].map((loss): [string, TrainerOptions] => {
      // A sum over all of a batch has a slope so many times as steep as a mean.
      const lr = loss === "sumSquaredError" ? 0.002 : 0.1;
      return [`loss ${loss}`, of(between({ type: "tanh" }, loss), { optimizer: { type: "sgd", lr } })];
    }),
    ...optimizerForms.map(([name, optimizer]): [string, TrainerOptions] => [
      `optimizer ${name}`,
      of(tanh, { optimizer }),
    ]),
    ["every layer", of(everyLayer, { optimizer: { type: "adam", lr: 0.01 } })],
    ["clipped", of(tanh, { clip: 0.01 })],
    ["warm-up and cosine", of(tanh, { schedule: { type: "cosine", steps: 100, min: 0.01, warmup: 20 } })],
    ["steps", of(tanh, { schedule: { type: "step", every: 15, gamma: 0.5 }, clip: 0.5 })],
    ["one row", of(tanh, { batch: 1 })],
    ["all rows", of(tanh, { batch: "full" })],
  ];
}

/** Small runs with what only some runs have; what a name says and no more, and all at once. */
export function featureRuns(): readonly (readonly [string, TrainerOptions])[] {
  const plain = between({ type: "tanh" }, "crossEntropy");
  const weighted: ModelSpec = { ...plain, classWeights: [0.5, 2, 1.25], labelSmoothing: 0.1 };
  const penalty = { l1: 0.002, l2: 0.01 };
  const groups = [
    { match: "0.*", lr: 0.25 },
    { match: "bias", lr: 0, weightDecay: 0 },
  ];
  const ema = { decay: 0.9 };
  const of = (model: ModelSpec, more: Partial<TrainerOptions>): TrainerOptions => ({
    model,
    data: rowsFor(model, 50),
    batch: 16,
    seed: 5,
    optimizer: { type: "adamw", lr: 0.01, weightDecay: 0.1 },
    ...more,
  });
  const all: ModelSpec = { ...everyLayer, classWeights: [0.5, 2, 1.25], labelSmoothing: 0.1 };
  return [
    ["class weights", of({ ...plain, classWeights: [0.5, 2, 1.25] }, {})],
    ["label smoothing", of({ ...plain, labelSmoothing: 0.2 }, {})],
    ["class weights and smoothing", of(weighted, {})],
    ["penalty", of(plain, { penalty })],
    ["groups", of(plain, { groups })],
    ["moving average", of(plain, { ema })],
    ["accumulation", of(between({ type: "dropout", p: 0.3 }), { accumulate: 3, batch: 7 })],
    ["accumulation of sums", of(between({ type: "tanh" }, "sumSquaredError"), { accumulate: 2, batch: 9 })],
    ["all features", of(all, { penalty, groups, ema, accumulate: 2, batch: 7, clip: 0.5 })],
  ];
}
