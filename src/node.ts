/**
 * WebGPU for Node, through Dawn (npm `webgpu`): `await createTrainer({ ...options, gpu: await createNodeGpu() })`.
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
