import type { AnyOp } from "../graph/op.ts";
import { countCorrect } from "./accuracy.ts";
import { activations } from "./activations.ts";
import { add } from "./add.ts";
import { batchIndex, drawBatch, gather } from "./batch.ts";
import { addBias, sumRows } from "./bias.ts";
import { control, controlAndRecord } from "./control.ts";
import { crossEntropy, crossEntropyGradient, crossEntropyWithGradient } from "./cross-entropy.ts";
import { dropout } from "./dropout.ts";
import { gradientStats } from "./gradient-stats.ts";
import { linear, linearInputGradient, linearWeightGradient } from "./linear.ts";
import { elementwiseLosses } from "./losses.ts";
import { matmul, transposeMatmul } from "./matmul.ts";
import { optimizers } from "./optimizers.ts";
import { outerProduct } from "./outer-product.ts";
import { record, tally } from "./record.ts";

/** The ops that any run may need. Adding one is a line here, or in rare.ts where only some runs want it. */
export const commonOps: readonly AnyOp[] = [
  matmul,
  transposeMatmul,
  outerProduct,
  linear,
  linearInputGradient,
  linearWeightGradient,
  add,
  addBias,
  sumRows,
  ...Object.values(activations).flatMap((a) => [a.forward, a.backward]),
  dropout,
  crossEntropy,
  crossEntropyGradient,
  crossEntropyWithGradient,
  ...elementwiseLosses.flatMap((loss) => [loss.forward, loss.backward, loss.withGradient]),
  batchIndex,
  gather,
  drawBatch,
  countCorrect,
  gradientStats,
  control,
  controlAndRecord,
  record,
  tally,
  ...Object.values(optimizers),
];
