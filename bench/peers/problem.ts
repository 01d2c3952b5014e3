import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { sample } from "../../src/bench/step.ts";
import type { NdArray } from "../../src/core/ndarray.ts";
import { initialise } from "../../src/nn/initialise.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import { CHECKED_STEPS, modelOf, type TrainingTask } from "./tasks.ts";

/** Data and first weights of a task: drawn from seeds, so that every page has the same. */
export interface Problem {
  /** x [batch, inputs]; y i32 [batch], or f32 [batch, outputs]. */
  readonly x: NdArray;
  readonly y: NdArray;
  /** W [in, out] and b [out], layer by layer. */
  readonly weights: ReadonlyMap<string, NdArray>;
}

export function problemOf(task: TrainingTask): Problem {
  const model = modelOf(task);
  return { ...sample(model, task.batch), weights: initialise(model, 1) };
}

/** The loss of the last of the checked steps, then every weight after it, in f64. */
export async function exactTraining(task: TrainingTask): Promise<Float64Array> {
  const { x, y, weights } = problemOf(task);
  const { optimizer } = task;
  const options = { model: modelOf(task), data: { x, y }, batch: "full", optimizer, weights } as const;
  const trainer = await createTrainer(referenceBackend("f64"), options);
  let loss = Number.NaN;
  for await (const metrics of trainer.run({ steps: CHECKED_STEPS })) loss = metrics.loss;
  const after = [...(await trainer.parameters()).values()];
  trainer.dispose();
  return Float64Array.from([loss, ...after.flatMap((w) => Array.from(w.data))]);
}

/** Relative error of a loss, and of the way that the weights have gone. */
const LOSS_LIMIT = 1e-4;
const UPDATE_LIMIT = 1e-2;

/**
 * Null where loss and weights agree with f64, else what is wrong. Weights are held by the norm of their change since
 * the first step: Adam divides by the gradient's size, so elements whose gradient is rounding may differ by lr each.
 */
export function disagreement(
  problem: Problem,
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
  return relative <= UPDATE_LIMIT ? null : `the weights' change is off by ${relative.toExponential(1)} of its norm`;
}
