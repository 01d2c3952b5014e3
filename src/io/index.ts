/**
 * Files: weights and batches in safetensors and npz, data sets in CSV, IDX, safetensors, npz and npy; checkpoints of
 * runs; receipts of a step for numpy, runs for PyTorch; nets in ONNX, and out of ONNX, TensorFlow.js and Keras.
 */
export { type Checkpoint, type DeviceRecord, decodeCheckpoint, deviceRecord, encodeCheckpoint } from "./checkpoint.ts";
export { type CheckpointStore, Checkpoints, type RefusedSlot, restoreCheckpoint, type Slot } from "./checkpoints.ts";
export { exportPytorch } from "./export-pytorch.ts";
export { importNet, type NetFile } from "./import-net.ts";
export { loadDataFile } from "./load-file.ts";
export type { ImportedNet, ImportOptions } from "./net-parts.ts";
export { readNpy, writeNpy } from "./npy.ts";
export { readNpz, writeNpz } from "./npz.ts";
export { writeOnnx } from "./onnx/write.ts";
export type { Packed } from "./packed.ts";
export { makeReceipt, type Receipt } from "./receipt.ts";
export { identityDifferences, type RunIdentity, runIdentity } from "./run-identity.ts";
export { readSafetensors, writeSafetensors } from "./safetensors.ts";
export { readWeights, writeWeights } from "./weights.ts";
