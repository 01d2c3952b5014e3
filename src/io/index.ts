/**
 * Files: weights and batches in safetensors and npz, data sets in CSV, IDX, safetensors, npz and npy; receipts of a step
 * for numpy, runs for PyTorch; nets in ONNX, and out of ONNX, TensorFlow.js and Keras.
 *
 * @module chainrule/io
 */
export type { CsvOptions } from "../data/csv.ts";
export type { Dataset } from "../data/dataset.ts";
export { exportPytorch } from "./export-pytorch.ts";
export { importNet, type NetFile } from "./import-net.ts";
export { type LoadFileOptions, loadDataFile } from "./load-file.ts";
export type { ImportedNet, ImportOptions } from "./net-parts.ts";
export { readNpy, writeNpy } from "./npy.ts";
export { readNpz, writeNpz } from "./npz.ts";
export { writeOnnx } from "./onnx/write.ts";
export { makeReceipt, type Receipt } from "./receipt.ts";
export { readSafetensors, type Safetensors, writeSafetensors } from "./safetensors.ts";
export { readWeights, writeWeights } from "./weights.ts";
