/** Ops that only some runs want: they load with the first graph that has one. */
export { combine, partCursor } from "./accumulate.ts";
export { classWeightSums } from "./class-weight-sums.ts";
export { layerNorm, layerNormGradient, layerNormScaleGradient } from "./layer-norm.ts";
export { movingAverage } from "./moving-average.ts";
export { penalty, penaltyGradient } from "./penalty.ts";
export { softmax, softmaxGradient } from "./softmax.ts";
export {
  weightedCrossEntropy,
  weightedCrossEntropyGradient,
  weightedCrossEntropyWithGradient,
} from "./weighted-cross-entropy.ts";
