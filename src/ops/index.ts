import type { AnyOp } from "../graph/op.ts";
import { countCorrect } from "./accuracy.ts";
import { activations } from "./activations.ts";
import { add } from "./add.ts";
import { batchIndex, gather } from "./batch.ts";
import { addBias, sumRows } from "./bias.ts";
import { control } from "./control.ts";
import { crossEntropy, crossEntropyGradient } from "./cross-entropy.ts";
import { dropout } from "./dropout.ts";
import { gradientStats } from "./gradient-stats.ts";
import { layerNorm, layerNormGradient, layerNormScaleGradient } from "./layer-norm.ts";
import { linear } from "./linear.ts";
import { bce, huber, mse, sumSquaredError } from "./losses.ts";
import { matmul, transposeMatmul } from "./matmul.ts";
import { optimizers } from "./optimizers.ts";
import { outerProduct } from "./outer-product.ts";
import { record, tally } from "./record.ts";
import { softmax, softmaxGradient } from "./softmax.ts";

/** Every op that computes. The checks and the benchmark run over this list: adding an op is a line here. */
export const ops: readonly AnyOp[] = [
  matmul,
  transposeMatmul,
  outerProduct,
  linear,
  add,
  addBias,
  sumRows,
  ...Object.values(activations).flatMap((a) => [a.forward, a.backward]),
  softmax,
  softmaxGradient,
  layerNorm,
  layerNormGradient,
  layerNormScaleGradient,
  dropout,
  crossEntropy,
  crossEntropyGradient,
  ...[sumSquaredError, mse, huber, bce].flatMap((loss) => [loss.forward, loss.backward]),
  batchIndex,
  gather,
  countCorrect,
  gradientStats,
  control,
  record,
  tally,
  ...Object.values(optimizers),
];
