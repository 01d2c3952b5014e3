/** Files: weights and batches in safetensors, data sets in CSV, IDX and safetensors. */
export { loadDataFile } from "./load-file.ts";
export { readSafetensors, writeSafetensors } from "./safetensors.ts";
export { readWeights, writeWeights } from "./weights.ts";
