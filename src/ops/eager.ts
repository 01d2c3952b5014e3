import type { AnyOp } from "../graph/op.ts";
import { activations } from "./elementwise/activations.ts";
import { add } from "./elementwise/add.ts";
import { crossEntropy, crossEntropyGradient, crossEntropyWithGradient } from "./loss/cross-entropy.ts";
import { addBias, sumRows } from "./matmul/bias.ts";
import { linear, linearInputGradient, linearWeightGradient } from "./matmul/linear.ts";
import { matmul, outerProduct, transposeMatmul } from "./matmul/matmul.ts";
import { batchIndex, drawBatch, gather } from "./step/batch.ts";
import { control, controlAndRecord } from "./step/control.ts";
import { gradientStats } from "./step/gradient-stats.ts";
import { optimizers } from "./step/optimizers.ts";
import { record } from "./step/record.ts";

/** The ops that any run may need. Adding one is a line here, or in lazy.ts where only some runs want it. */
export const eagerOps: readonly AnyOp[] = [
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
  crossEntropy,
  crossEntropyGradient,
  crossEntropyWithGradient,
  batchIndex,
  gather,
  drawBatch,
  gradientStats,
  control,
  controlAndRecord,
  record,
  ...Object.values(optimizers),
];
