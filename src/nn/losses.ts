import type { AnyOp } from "../graph/op.ts";
import { crossEntropy } from "../ops/loss/cross-entropy.ts";
import { bce, huber, mse, sumSquaredError, sumSquaredErrorAsPublished } from "../ops/loss/losses.ts";
import { type LossKind, type LossName, lossKinds } from "./loss-kinds.ts";

export interface LossSpec extends LossKind {
  readonly op: AnyOp;
}

/** By name, as in model files. */
export const losses: Readonly<Record<LossName, LossSpec>> = {
  sumSquaredError: { op: sumSquaredError.forward, ...lossKinds.sumSquaredError },
  mse: { op: mse.forward, ...lossKinds.mse },
  huber: { op: huber.forward, ...lossKinds.huber },
  crossEntropy: { op: crossEntropy, ...lossKinds.crossEntropy },
  bce: { op: bce.forward, ...lossKinds.bce },
  sumSquaredErrorAsPublished: {
    op: sumSquaredErrorAsPublished.forward,
    ...lossKinds.sumSquaredErrorAsPublished,
  },
};
