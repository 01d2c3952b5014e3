/** Files: weights and batches in safetensors, data sets in CSV, IDX and safetensors, checkpoints of runs. */
export { type Checkpoint, type DeviceRecord, decodeCheckpoint, deviceRecord, encodeCheckpoint } from "./checkpoint.ts";
export { type CheckpointStore, Checkpoints, type RefusedSlot, restoreCheckpoint, type Slot } from "./checkpoints.ts";
export { loadDataFile } from "./load-file.ts";
export type { Packed } from "./packed.ts";
export { identityDifferences, type RunIdentity, runIdentity } from "./run-identity.ts";
export { readSafetensors, writeSafetensors } from "./safetensors.ts";
export { readWeights, writeWeights } from "./weights.ts";
