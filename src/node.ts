/**
 * What only Node has. WebGPU through Dawn: `await webgpuBackend(await createNodeGpu())`; checkpoints in a folder:
 * `await Checkpoints.open(diskStore("run-1"))`.
 */
export { createNodeGpu, listNodeAdapters } from "./backend/webgpu/node.ts";
export { diskStore, requireStore } from "./io/disk-store.ts";
