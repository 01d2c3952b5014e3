/**
 * Trains neural networks in a browser or in Node: layers and models, trainers, backends, single passes and products.
 * Arrays are {@link NdArray}s, row after row; x is [rows, inputs], weights are [in, out].
 * Every error that is raised on purpose is a {@link ChainruleError} with a code.
 *
 * @module chainrule
 */

export { cpuBackend } from "./backend/cpu.ts";
export type { Backend, CompileOptions, Executor, KernelChoices, MemoryUse } from "./backend/executor.ts";
export { referenceBackend } from "./backend/reference/executor.ts";
export { type WasmOptions, wasmBackend } from "./backend/wasm/backend.ts";
export { type GpuSource, type WebGpuBackend, type WebGpuOptions, webgpuBackend } from "./backend/webgpu/backend.ts";
export type { ChoiceStore } from "./backend/webgpu/stored-choices.ts";
export type { Abortable } from "./core/abort.ts";
export { ChainruleError, type ErrorCode } from "./core/errors.ts";
export { type DType, type NdArray, ndarray, type Shape, type TypedArray } from "./core/ndarray.ts";
export type { Resource } from "./core/resource.ts";
export type { TableFormat } from "./data/csv-format.ts";
export type { Reading } from "./data/csv-looks.ts";
export type { Column, DataSplit, Dataset, DroppedRows, Scaling, TableFacts } from "./data/dataset.ts";
export { type DataPreset, type DataPresetOptions, dataPreset, type ReadFile } from "./data/presets.ts";
export type { BytesNotice, TableNotice } from "./data/table-notice.ts";
export type { Task } from "./data/task.ts";
export type { TensorSpec } from "./graph/graph.ts";
export type { DeviceKind } from "./graph/op.ts";
export { balancedClassWeights } from "./nn/class-weights.ts";
export { freeze } from "./nn/freeze.ts";
export { type Initialiser, initialise } from "./nn/initialise.ts";
export {
  type EluSpec,
  elu,
  gelu,
  type LeakyReluSpec,
  leakyRelu,
  type PlainActivationSpec,
  relu,
  relu6,
  selu,
  sigmoid,
  silu,
  softplus,
  tanh,
} from "./nn/layers/activation.ts";
export { type AdaptiveAvgPoolSpec, adaptiveAvgPool1d, adaptiveAvgPool2d } from "./nn/layers/adaptive-pool.ts";
export { type AttentionLora, type AttentionOptions, type AttentionSpec, attention } from "./nn/layers/attention.ts";
export { type BatchNormOptions, type BatchNormSpec, batchNorm } from "./nn/layers/batch-norm.ts";
export {
  type AddSpec,
  add,
  type ConcatSpec,
  concat,
  type MultiplySpec,
  multiply,
} from "./nn/layers/combine.ts";
export { type ConvSpec, conv1d, conv2d } from "./nn/layers/conv.ts";
export type { ConvOptions } from "./nn/layers/conv-fields.ts";
export {
  type ConvTransposeOptions,
  type ConvTransposeSpec,
  convTranspose1d,
  convTranspose2d,
} from "./nn/layers/conv-transpose.ts";
export type { BuildLayer, CustomLayer, CustomParameter } from "./nn/layers/custom.ts";
export type { PerDimension } from "./nn/layers/dimensions.ts";
export { type DropoutSpec, dropout } from "./nn/layers/dropout.ts";
export { type EmbeddingOptions, type EmbeddingSpec, embedding } from "./nn/layers/embedding.ts";
export {
  type GroupNormOptions,
  type GroupNormSpec,
  groupNorm,
  type InstanceNormSpec,
  instanceNorm,
} from "./nn/layers/group-norm.ts";
export type { LateLayerSpec, OpenLateLayer } from "./nn/layers/late.ts";
export {
  geluTanh,
  hardSigmoid,
  hardSwish,
  type LateActivationSpec,
  type LogSoftmaxSpec,
  logSoftmax,
  type MaxoutSpec,
  maxout,
  mish,
  type PreluSpec,
  prelu,
} from "./nn/layers/late-activations.ts";
export { type LayerNormSpec, layerNorm } from "./nn/layers/layer-norm.ts";
export type { ParameterRole, Wiring } from "./nn/layers/layer-type.ts";
export { type LinearOptions, type LinearSpec, linear } from "./nn/layers/linear.ts";
export type { LoraSpec } from "./nn/layers/lora-spec.ts";
export {
  type AvgPoolOptions,
  type AvgPoolSpec,
  avgPool1d,
  avgPool2d,
  type MaxPoolOptions,
  type MaxPoolSpec,
  maxPool1d,
  maxPool2d,
  type PoolOptions,
} from "./nn/layers/pool.ts";
export { type PositionEmbeddingSpec, positionEmbedding } from "./nn/layers/position-embedding.ts";
export { gru, lstm, type RecurrentOptions, type RnnOptions, rnn } from "./nn/layers/recurrent.ts";
export type { GruSpec, LstmSpec, RecurrentSpec, RnnSpec } from "./nn/layers/recurrent-passes.ts";
export {
  type FlattenSpec,
  flatten,
  type PermuteSpec,
  permute,
  type ReshapeSpec,
  reshape,
} from "./nn/layers/reshape.ts";
export { type PadSpec, pad, type UpsampleSpec, upsample } from "./nn/layers/resize.ts";
export { type RmsNormSpec, rmsNorm } from "./nn/layers/rms-norm.ts";
export { type SoftmaxSpec, softmax } from "./nn/layers/softmax.ts";
export type { LayerSpec } from "./nn/layers/spec.ts";
export { type LastStepSpec, lastStep, type MeanStepsSpec, meanSteps } from "./nn/layers/steps.ts";
export { type TiedLinearOptions, type TiedLinearSpec, tiedLinear } from "./nn/layers/tied-linear.ts";
export { isAdapted, type LoraOptions, lora, mergeLora } from "./nn/lora.ts";
export type { LossName } from "./nn/loss-kinds.ts";
export type { CrossEntropySettings, ModelSpec } from "./nn/model-spec.ts";
export { modelWarnings } from "./nn/model-warnings.ts";
export { type ParameterSpec, parameterSpecs } from "./nn/parameter-specs.ts";
export { parseModel } from "./nn/parse-model.ts";
export {
  type Block,
  block,
  type LayerItem,
  type OpenLayer,
  type Residual,
  repeat,
  residual,
  sequential,
} from "./nn/sequential.ts";
export { type TransformerBlockOptions, transformerBlock } from "./nn/transformer-block.ts";
export type { Multipliers, ParameterGroupSpec } from "./optim/groups.ts";
export type { AverageSpec, OptimizerSpec } from "./optim/optimizer.ts";
export type { PenaltySpec } from "./optim/penalty.ts";
export type { ScheduleSpec } from "./optim/schedule.ts";
export { type Choice, chooseTrainer, type MeasuredBackend } from "./train/choose-backend.ts";
export { createTrainer } from "./train/create-trainer.ts";
export type { RowSource, Rows } from "./train/data/row-source.ts";
export type { Evaluation } from "./train/evaluation/evaluation.ts";
export { Predictor } from "./train/evaluation/predictor.ts";
export {
  type EarlyStopping,
  runWithValidation,
  type TrainingEvent,
  type ValidatedRun,
  type ValidatedRunOptions,
  type ValidateOptions,
  type Validation,
} from "./train/evaluation/validation.ts";
export type { Halves, LossScale, Precision } from "./train/f16/precision.ts";
export {
  type FindLearningRateOptions,
  findLearningRate,
  type LearningRateCurve,
  type LearningRatePoint,
} from "./train/find-learning-rate.ts";
export { generate } from "./train/generation/generate-with.ts";
export type { GenerateOptions, SamplingOptions } from "./train/generation/sampling.ts";
export type { CreateOptions } from "./train/open-trainer.ts";
export type { GradientOptions, Gradients, Intermediate, LengthsOptions, LossGradients } from "./train/passes/passes.ts";
export { matmul, outerProduct, transposeMatmul } from "./train/passes/products.ts";
export type { RecoveryEvent, RecoveryOptions } from "./train/recovery/recovery.ts";
export type { AugmentSpec } from "./train/run/augment.ts";
export type { StepMetrics } from "./train/run/metrics.ts";
export type { ResolvedOptions, TrainerOptions } from "./train/run/options.ts";
export type { TrainerState } from "./train/run/state.ts";
export type { RunOptions, Trainer, WeightsChoice, WeightsOptions } from "./train/trainer.ts";
