/** Ops that only some runs of dense nets want: they load with the first graph that has one. */

export { augment } from "./augment/augment.ts";
export { dropout } from "./elementwise/dropout.ts";
export { countCorrect } from "./loss/accuracy.ts";
export { classWeightSums } from "./loss/class-weight-sums.ts";
export { headLoss } from "./loss/head-loss.ts";
export { weightedCrossEntropy } from "./loss/head-loss-fusion.ts";
export {
  weightedCrossEntropyGradient,
  weightedCrossEntropyWithGradient,
} from "./loss/weighted-cross-entropy.ts";
export { layerNorm, layerNormGradient, layerNormScaleGradient } from "./norm/layer-norm.ts";
export { softmax, softmaxGradient } from "./norm/softmax.ts";
export { combine, partCursor } from "./step/accumulate.ts";
export { movingAverage } from "./step/moving-average.ts";
export { penalty, penaltyGradient } from "./step/penalty.ts";
export { tally } from "./step/tally.ts";
export { tokenWindows } from "./text/token-windows.ts";
