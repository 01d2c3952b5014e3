/** WebGPU for Node, through Dawn: `await webgpuBackend(await createNodeGpu())`. */
export { createNodeGpu, listNodeAdapters } from "./backend/webgpu/node.ts";
