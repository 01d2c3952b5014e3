/** Ops of layers that dense nets have not: they load with the first net that has one. */

export { attention, attentionGradient } from "./attention/attention.ts";
export { rotary } from "./attention/rotary.ts";
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
export { addActivation, residualAdd } from "./elementwise/add-activation.ts";
export { maxout, maxoutGradient } from "./elementwise/maxout.ts";
export { multiply } from "./elementwise/multiply.ts";
export { prelu, preluGradient, preluTerms } from "./elementwise/prelu.ts";
export { addScaledColumns, scaledColumns } from "./elementwise/scaled-columns.ts";
export { embedding, embeddingGradient } from "./embedding/embedding.ts";
export { batchedMatmul } from "./matmul/batched.ts";
export { transposeMatmul } from "./matmul/matmul.ts";
export { batchNorm, batchNormGradient, batchNormInference } from "./norm/batch-norm.ts";
export { groupNorm, groupNormGradient, groupNormScaleGradient } from "./norm/group-norm.ts";
export { logSoftmax, logSoftmaxGradient } from "./norm/log-softmax.ts";
export { rmsNorm, rmsNormGradient, rmsNormScaleGradient } from "./norm/rms-norm.ts";
export {
  adaptiveAvgPool,
  adaptiveAvgPoolGradient,
  avgPool,
  avgPoolGradient,
} from "./pool/avg-pool.ts";
export { maxPool, maxPoolGradient } from "./pool/max-pool.ts";
export {
  gru,
  gruGradient,
  lstm,
  lstmGradient,
  rnn,
  rnnGradient,
  rnnRelu,
  rnnReluGradient,
} from "./recurrent/recurrent.ts";
export {
  lastStep,
  lastStepGradient,
  meanSteps,
  meanStepsGradient,
  previousSteps,
} from "./recurrent/steps.ts";
export { concat } from "./shape/concat.ts";
export { pad, part, reflectGradient } from "./shape/pad.ts";
export { permute } from "./shape/permute.ts";
export { reshape } from "./shape/reshape.ts";
export { upsample, upsampleGradient } from "./shape/upsample.ts";
