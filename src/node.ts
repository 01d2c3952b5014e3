/** What only Node has: WebGPU without a browser. */
export {
  type AdapterSource,
  createNodeGpu,
  listNodeAdapters,
  type NodeAdapter,
  type NodeGpuOptions,
} from "./backend/webgpu/node.ts";
