/** What is known of a loss apart from its op, by its name in model files. */
export interface LossKind {
  /** What the targets are: class indices i32 [n], or values f32 [n, outputs]. */
  readonly targets: "classes" | "values";
  /** Whether the loss of a batch is the mean of its rows, or the sum. */
  readonly reduction: "mean" | "sum";
}

export const lossKinds = {
  sumSquaredError: { targets: "values", reduction: "sum" },
  mse: { targets: "values", reduction: "mean" },
  huber: { targets: "values", reduction: "mean" },
  crossEntropy: { targets: "classes", reduction: "mean" },
  bce: { targets: "values", reduction: "mean" },
  /** The tutorial's code as it was printed, wrong gradient and all; here so that checks can be seen to catch it. */
  sumSquaredErrorAsPublished: { targets: "values", reduction: "sum" },
} as const satisfies Record<string, LossKind>;

/** Losses by name. crossEntropy takes class indices, the others values; crossEntropy and bce take logits. */
export type LossName = keyof typeof lossKinds;
