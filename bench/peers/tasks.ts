import { convolutionSizes, nameOfConvolution } from "../../src/bench/convolution.ts";
import type { ConvolutionSize } from "../../src/bench/convolution-problem.ts";
import { lenet, resnet20 } from "../../src/bench/image-nets.ts";
import type { ProductSize } from "../../src/bench/matmul.ts";
import { gpt, lstm } from "../../src/bench/sequence-nets.ts";
import { mlp } from "../../src/bench/step.ts";
import { linear } from "../../src/nn/layers/linear.ts";
import type { ModelSpec } from "../../src/nn/model-spec.ts";
import { sequential } from "../../src/nn/sequential.ts";
import type { AttentionSize } from "./attention.ts";

/** What every contestant does: the same data, the same first weights, the same net, the same optimizer. */
export interface TrainingTask {
  readonly kind: "training";
  readonly name: string;
  /** Its loss is crossEntropy, a mean over rows, or sumSquaredError, divided by nothing. */
  readonly model: ModelSpec;
  /** Width of its widest linear layer. */
  readonly widest: number;
  /** Rows of the one batch, resident on the device and used in every step. */
  readonly batch: number;
  /** Steps after which loss and weights must agree with f64. */
  readonly checkedSteps: number;
  /** Relative error that the way of the weights may have. */
  readonly updateLimit: number;
  /** Adam as PyTorch defines it (0.9, 0.999, 1e-8), or plain gradient descent. */
  readonly optimizer: { readonly type: "adam" | "sgd"; readonly lr: number };
}

export interface ProductTask extends ProductSize {
  readonly kind: "product";
  readonly name: string;
}

export interface ConvolutionTask extends ConvolutionSize {
  readonly kind: "convolution";
  readonly name: string;
}

export interface AttentionTask extends AttentionSize {
  readonly kind: "attention";
  readonly name: string;
}

export type Task = TrainingTask | ProductTask | ConvolutionTask | AttentionTask;

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

const adam = { type: "adam", lr: 1e-3 } as const;
const classifier = (widths: readonly number[], batch: number): TrainingTask => ({
  kind: "training",
  name: `step ${widths.join("-")}, batch ${batch}, Adam`,
  model: mlp("", widths, batch).model,
  widest: Math.max(...widths),
  batch,
  checkedSteps: 3,
  updateLimit: 1e-2,
  optimizer: adam,
});

type Checked = Pick<TrainingTask, "checkedSteps" | "updateLimit">;

const trained = (name: string, model: ModelSpec, batch: number, checked: Checked): TrainingTask => ({
  kind: "training",
  name: `step ${name}, batch ${batch}, Adam`,
  model,
  widest: 0,
  batch,
  ...checked,
  optimizer: adam,
});

const training: readonly TrainingTask[] = [
  {
    kind: "training",
    name: "step 4-4-4-4, batch 1, SGD",
    model: sequential(
      [4, 4, 4].map((out) => linear(4, out, { bias: false })),
      { loss: "sumSquaredError" },
    ),
    widest: 4,
    batch: 1,
    checkedSteps: 3,
    updateLimit: 1e-2,
    optimizer: { type: "sgd", lr: 1e-3 },
  },
  classifier([784, 512, 256, 10], 64),
  classifier([1024, 1024, 1024, 1024], 128),
  trained("lenet", lenet, 64, { checkedSteps: 3, updateLimit: 1e-2 }),
  // Adam's first steps go by the sign of a gradient: roundings of f32 grow tenfold a step in a net as deep as this, and
  // sums that are added up one after the other turn a weight in four hundred the other way in the very first.
  trained("resnet20", resnet20, 32, { checkedSteps: 1, updateLimit: 0.15 }),
  trained("gpt", gpt, 8, { checkedSteps: 1, updateLimit: 0.15 }),
  trained("lstm", lstm, 32, { checkedSteps: 3, updateLimit: 1e-2 }),
];

const product = (form: ProductSize["form"], M: number, N: number, K: number): ProductTask => ({
  kind: "product",
  name: `${form} ${M}x${N}x${K}`,
  form,
  M,
  N,
  K,
});

const attention = (heads: number, d: number, steps: number): AttentionTask => ({
  kind: "attention",
  name: `attention ${heads} heads of ${d}, ${steps} steps, causal, there and back`,
  steps,
  heads,
  d,
});

/** Tasks whose widest linear layer or product is at most `max`, and whose name has one of `words`, where there are any. */
export function tasks(max: number, words: readonly string[] = []): readonly Task[] {
  const all: readonly Task[] = [
    ...training,
    ...convolutionSizes().map(
      (size): ConvolutionTask => ({ kind: "convolution", name: nameOfConvolution(size), ...size }),
    ),
    attention(8, 32, 1024),
    product("NN", 1, 512, 784),
    product("outer", 784, 512, 1),
    ...[256, 512, 1024].flatMap((n) => (["NN", "NT", "TN"] as const).map((form) => product(form, n, n, n))),
  ];
  const side = (t: Task): number =>
    t.kind === "training" ? t.widest : t.kind === "product" ? Math.max(t.M, t.N, t.K) : 0;
  return all.filter((t) => side(t) <= max && (words.length === 0 || words.some((word) => t.name.includes(word))));
}

/** The net whose first step is timed from a cold page. */
export const coldTask: TrainingTask = training[1]!;
