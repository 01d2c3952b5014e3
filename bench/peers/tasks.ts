import type { ProductSize } from "../../src/bench/matmul.ts";
import { mlp } from "../../src/bench/step.ts";
import type { ModelSpec } from "../../src/nn/model-spec.ts";
import { parseModel } from "../../src/nn/parse-model.ts";

/** What every contestant does: the same data, the same first weights, the same net, the same optimizer. */
export interface TrainingTask {
  readonly kind: "training";
  readonly name: string;
  readonly widths: readonly number[];
  readonly bias: boolean;
  /** Rows of the one batch, resident on the device and used in every step. */
  readonly batch: number;
  /** crossEntropy is a mean over rows; sumSquaredError a sum, divided by nothing. */
  readonly loss: "crossEntropy" | "sumSquaredError";
  /** Adam as PyTorch defines it (0.9, 0.999, 1e-8), or plain gradient descent. */
  readonly optimizer: { readonly type: "adam" | "sgd"; readonly lr: number };
}

export interface ProductTask extends ProductSize {
  readonly kind: "product";
  readonly name: string;
}

export type Task = TrainingTask | ProductTask;

/** Who takes part. */
export const contestants = [
  "chainrule-webgpu",
  "chainrule-cpu",
  "tfjs-webgpu",
  "tfjs-wasm",
  "jax-js-webgpu",
  "jax-js-wasm",
] as const;
export type ContestantName = (typeof contestants)[number];

/** Steps after which loss and weights must agree with f64. */
export const CHECKED_STEPS = 3;

const adam = { type: "adam", lr: 1e-3 } as const;
const classifier = (widths: readonly number[], batch: number): TrainingTask => ({
  kind: "training",
  name: `step ${widths.join("-")}, batch ${batch}, Adam`,
  widths,
  bias: true,
  batch,
  loss: "crossEntropy",
  optimizer: adam,
});

const training: readonly TrainingTask[] = [
  {
    kind: "training",
    name: "step 4-4-4-4, batch 1, SGD",
    widths: [4, 4, 4, 4],
    bias: false,
    batch: 1,
    loss: "sumSquaredError",
    optimizer: { type: "sgd", lr: 1e-3 },
  },
  classifier([784, 512, 256, 10], 64),
  classifier([1024, 1024, 1024, 1024], 128),
];

const product = (form: ProductSize["form"], M: number, N: number, K: number): ProductTask => ({
  kind: "product",
  name: `${form} ${M}x${N}x${K}`,
  form,
  M,
  N,
  K,
});

/** Tasks whose widest side is at most `max`. */
export function tasks(max: number): readonly Task[] {
  const all: readonly Task[] = [
    ...training,
    product("NN", 1, 512, 784),
    product("outer", 784, 512, 1),
    ...[256, 512, 1024].flatMap((n) => (["NN", "NT", "TN"] as const).map((form) => product(form, n, n, n))),
  ];
  return all.filter((t) => (t.kind === "training" ? Math.max(...t.widths) : Math.max(t.M, t.N, t.K)) <= max);
}

/** The net whose first step is timed from a cold page. */
export const coldTask: TrainingTask = training[1]!;

/** The task's net as Chainrule has it. */
export function modelOf(task: TrainingTask): ModelSpec {
  if (task.loss === "crossEntropy" && task.bias) return mlp(task.name, task.widths, task.batch).model;
  const layers = task.widths.slice(1).map((out, i) => ({ type: "linear", in: task.widths[i]!, out, bias: task.bias }));
  return parseModel({ layers, loss: task.loss });
}
