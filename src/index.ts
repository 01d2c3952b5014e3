/** Chainrule's library: everything that runs in a browser as in Node. Node's own WebGPU is in ./node.ts. */

export { cpuBackend } from "./backend/cpu.ts";
export type { Backend, Executor } from "./backend/executor.ts";
export { referenceBackend } from "./backend/reference/executor.ts";
export { type WasmOptions, wasmBackend } from "./backend/wasm/backend.ts";
export { webgpuBackend } from "./backend/webgpu/backend.ts";
export { ChainruleError } from "./core/errors.ts";
export { type NdArray, ndarray } from "./core/ndarray.ts";
export { dataPreset } from "./data/presets.ts";
export { type Initialiser, initialise } from "./nn/initialise.ts";
export { type ModelSpec, parameterSpecs, parseModel } from "./nn/model.ts";
export type { OptimizerSpec } from "./optim/optimizer.ts";
export type { ScheduleSpec } from "./optim/schedule.ts";
export { chooseTrainer } from "./train/choose.ts";
export type { TrainerOptions } from "./train/options.ts";
export type { RecoveryEvent, RecoveryOptions } from "./train/recovery.ts";
export type { TrainerState } from "./train/state.ts";
export { createTrainer, type StepMetrics, type Trainer } from "./train/trainer.ts";
