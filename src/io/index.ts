/** Files: nets in ONNX, TensorFlow.js and Keras, weights and batches in safetensors and npz, data sets in CSV, IDX, safetensors, npz and npy. */
export { importNet, type NetFile } from "./import-net.ts";
export { readKeras, readTfjs } from "./keras/read.ts";
export { loadDataFile } from "./load-file.ts";
export type { ImportedNet, ImportOptions } from "./net-parts.ts";
export { readNpy, writeNpy } from "./npy.ts";
export { readNpz, writeNpz } from "./npz.ts";
export { readOnnx } from "./onnx/read.ts";
export { writeOnnx } from "./onnx/write.ts";
export { readSafetensors, writeSafetensors } from "./safetensors.ts";
export { readWeights, writeWeights } from "./weights.ts";
