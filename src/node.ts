/**
 * What only Node has. WebGPU through Dawn (npm `webgpu`): `await createTrainer({ ...options, gpu: await createNodeGpu() })`;
 * checkpoints in a folder: `await Checkpoints.open(diskStore("run-1"))`; a file that is read in parts:
 * `await openRowFile(await openFileSource(path))`.
 *
 * @module chainrule/node
 */
export {
  type AdapterSource,
  createNodeGpu,
  listNodeAdapters,
  type NodeAdapter,
  type NodeGpuOptions,
} from "./backend/webgpu/node.ts";
export { diskStore, requireStore } from "./io/checkpoint/disk-store.ts";
export { type FileSource, openFileSource } from "./platform/file-source.ts";
