/** Ops that only some runs want: they load with the first graph that has one. */

export { addChannelBias, sumChannels } from "./conv/channel-bias.ts";
export {
  conv,
  convInputGradient,
  convLayer,
  convLayerInputGradient,
  convLayerWeightGradient,
  convTransposeLayer,
  convTransposeLayerInputGradient,
  convWeightGradient,
} from "./conv/conv.ts";
export { maxout, maxoutGradient } from "./elementwise/maxout.ts";
export { multiply } from "./elementwise/multiply.ts";
export { prelu, preluGradient, preluTerms } from "./elementwise/prelu.ts";
export { classWeightSums } from "./loss/class-weight-sums.ts";
export {
  weightedCrossEntropy,
  weightedCrossEntropyGradient,
  weightedCrossEntropyWithGradient,
} from "./loss/weighted-cross-entropy.ts";
export { batchNorm, batchNormGradient, batchNormInference } from "./norm/batch-norm.ts";
export { groupNorm, groupNormGradient, groupNormScaleGradient } from "./norm/group-norm.ts";
export { layerNorm, layerNormGradient, layerNormScaleGradient } from "./norm/layer-norm.ts";
export { logSoftmax, logSoftmaxGradient } from "./norm/log-softmax.ts";
export { rmsNorm, rmsNormGradient, rmsNormScaleGradient } from "./norm/rms-norm.ts";
export { softmax, softmaxGradient } from "./norm/softmax.ts";
export {
  adaptiveAvgPool,
  adaptiveAvgPoolGradient,
  avgPool,
  avgPoolGradient,
} from "./pool/avg-pool.ts";
export { maxPool, maxPoolGradient } from "./pool/max-pool.ts";
export { concat } from "./shape/concat.ts";
export { pad, part, reflectGradient } from "./shape/pad.ts";
export { permute } from "./shape/permute.ts";
export { reshape } from "./shape/reshape.ts";
export { upsample, upsampleGradient } from "./shape/upsample.ts";
export { combine, partCursor } from "./step/accumulate.ts";
export { movingAverage } from "./step/moving-average.ts";
export { penalty, penaltyGradient } from "./step/penalty.ts";
