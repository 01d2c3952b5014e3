/**
 * Files: weights and batches in safetensors and npz, data sets in CSV, IDX, safetensors, npz and npy; receipts of a step
 * for numpy, runs for PyTorch.
 */
export { exportPytorch } from "./export-pytorch.ts";
export { loadDataFile } from "./load-file.ts";
export { readNpy, writeNpy } from "./npy.ts";
export { readNpz, writeNpz } from "./npz.ts";
export { makeReceipt, type Receipt } from "./receipt.ts";
export { readSafetensors, writeSafetensors } from "./safetensors.ts";
export { readWeights, writeWeights } from "./weights.ts";
