/**
/**
 * Files: weights and batches in safetensors and npz, data sets in CSV, IDX, safetensors, npz and npy; checkpoints of
 * runs; receipts of a step for numpy, runs for PyTorch; nets in ONNX, and out of ONNX, TensorFlow.js and Keras.
 *
 * @module chainrule/io
 */
export type { CsvOptions } from "../data/csv.ts";
export type { Dataset } from "../data/dataset.ts";
export { type Checkpoint, type DeviceRecord, decodeCheckpoint, deviceRecord, encodeCheckpoint } from "./checkpoint.ts";
export { type CheckpointStore, Checkpoints, type RefusedSlot, restoreCheckpoint, type Slot } from "./checkpoints.ts";
export { exportPytorch } from "./export-pytorch.ts";
export { importNet, type NetFile } from "./import-net.ts";
export { type LoadFileOptions, loadDataFile } from "./load-file.ts";
export type { ImportedNet, ImportOptions } from "./net-parts.ts";
export { readNpy, writeNpy } from "./npy.ts";
export { readNpz, writeNpz } from "./npz.ts";
export { writeOnnx } from "./onnx/write.ts";
export type { Packed } from "./packed.ts";
export { makeReceipt, type Receipt } from "./receipt.ts";
export { identityDifferences, type Json, type RunIdentity, runIdentity } from "./run-identity.ts";
export { readSafetensors, type Safetensors, writeSafetensors } from "./safetensors.ts";
export { readWeights, writeWeights } from "./weights.ts";
