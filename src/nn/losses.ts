import type { AnyOp } from "../graph/op.ts";
import { crossEntropy } from "../ops/cross-entropy.ts";
import { bce, huber, mse, sumSquaredError, sumSquaredErrorAsPublished } from "../ops/losses.ts";

export interface LossSpec {
  readonly op: AnyOp;
  /** What the targets are: class indices i32 [n], or values f32 [n, outputs]. */
  readonly targets: "classes" | "values";
  /** Whether the loss of a batch is the mean of its rows, or the sum. */
  readonly reduction: "mean" | "sum";
}

/** By name, as in model files. */
export const losses = {
  sumSquaredError: { op: sumSquaredError.forward, targets: "values", reduction: "sum" },
  mse: { op: mse.forward, targets: "values", reduction: "mean" },
  huber: { op: huber.forward, targets: "values", reduction: "mean" },
  crossEntropy: { op: crossEntropy, targets: "classes", reduction: "mean" },
  bce: { op: bce.forward, targets: "values", reduction: "mean" },
  /** The tutorial's code as it was printed, wrong gradient and all; here so that checks can be seen to catch it. */
  sumSquaredErrorAsPublished: { op: sumSquaredErrorAsPublished.forward, targets: "values", reduction: "sum" },
} as const satisfies Record<string, LossSpec>;

export type LossName = keyof typeof losses;
