import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { sample } from "../../src/bench/step.ts";
import type { NdArray, Shape } from "../../src/core/ndarray.ts";
import { initialise } from "../../src/nn/initialise.ts";
import type { ModelSpec } from "../../src/nn/model-spec.ts";
import { parameterSpecs } from "../../src/nn/parameter-specs.ts";
import { classLayout, widths } from "../../src/nn/shapes.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import type { TrainingTask } from "./tasks.ts";

/** Data and first weights of a task: drawn from seeds, so that every page has the same. */
export interface Problem {
  /** x [batch, inputs]; y i32 [batch], or f32 [batch, outputs]. */
  readonly x: NdArray;
  readonly y: NdArray;
  /** Parameters by name, in the order of the layers: a linear weight is [in, out], a convolution's [out, in, k, k]. */
  readonly weights: ReadonlyMap<string, NdArray>;
  /** These and what gradients do not change, running statistics. */
  readonly arrays: ReadonlyMap<string, NdArray>;
}

export function problemOf({ model, batch }: TrainingTask): Problem {
  const arrays = initialise(model, 1);
  return { ...sample(model, batch), weights: trained(model, arrays), arrays };
}

/** Of a net's arrays those that gradients change: running statistics are not compared, since no peer keeps them here. */
export function trained(model: ModelSpec, arrays: ReadonlyMap<string, NdArray>): ReadonlyMap<string, NdArray> {
  return new Map(parameterSpecs(model).map(({ name }) => [name, arrays.get(name)!]));
}

/** Shape of one row as the model's first layer wants it. */
export const inputShape = (model: ModelSpec, x: NdArray): Shape => model.input ?? x.shape.slice(1);

/** Shape of the targets as values: rows, steps where each has a class, and classes. */
export function targetShape(model: ModelSpec, y: NdArray): Shape {
  if (y.dtype === "f32") return y.shape;
  return [...y.shape, model.loss === "crossEntropy" ? classLayout(model).classes : widths(model).outputs];
}

/** Targets as values: 1 at each row's class, or each step's, row after row, unless they are values already. */
export function oneHot(model: ModelSpec, y: NdArray): Float32Array {
  if (y.dtype === "f32") return Float32Array.from(y.data);
  const classes = targetShape(model, y).at(-1)!;
  const values = new Float32Array(y.data.length * classes);
  for (let i = 0; i < y.data.length; i++) values[i * classes + y.data[i]!] = 1;
  return values;
}

/** The loss of the last of the checked steps, then every weight after it, in f64. */
export async function exactTraining(task: TrainingTask): Promise<Float64Array> {
  const { model, optimizer } = task;
  const { x, y } = problemOf(task);
  const options = { model, data: { x, y }, batch: "full", optimizer, weights: initialise(model, 1) } as const;
  const trainer = await createTrainer(referenceBackend("f64"), options);
  let loss = Number.NaN;
  for await (const metrics of trainer.run({ steps: task.checkedSteps })) loss = metrics.loss;
  const after = [...trained(model, await trainer.parameters()).values()];
  trainer.dispose();
  return Float64Array.from([loss, ...after.flatMap((w) => Array.from(w.data))]);
}

/** Relative error of a loss. */
const LOSS_LIMIT = 1e-4;

/**
 * Null where loss and weights agree with f64, else what is wrong. Weights are held by the norm of their change since
 * the first step: Adam divides by the gradient's size, so elements whose gradient is rounding may differ by lr each.
 */
export function disagreement(
  problem: Problem,
  updateLimit: number,
  exact: Float64Array,
  loss: number,
  weights: readonly ArrayLike<number>[],
): string | null {
  const lossError = Math.abs(loss - exact[0]!) / Math.abs(exact[0]!);
  if (!(lossError <= LOSS_LIMIT)) return `loss ${loss}, exact ${exact[0]}`;
  let at = 1;
  let error = 0;
  let change = 0;
  const firsts = [...problem.weights.values()];
  for (const [l, values] of weights.entries()) {
    for (let i = 0; i < values.length; i++) {
      const wanted = exact[at++]!;
      error += (values[i]! - wanted) ** 2;
      change += (wanted - firsts[l]!.data[i]!) ** 2;
    }
  }
  if (at !== exact.length) return `${at - 1} weights, expected ${exact.length - 1}`;
  const relative = Math.sqrt(error / change);
  return relative <= updateLimit ? null : `the weights' change is off by ${relative.toExponential(1)} of its norm`;
}
