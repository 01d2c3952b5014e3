import type { Graph } from "../../graph/graph.ts";
import type { Backend, CompileOptions } from "../executor.ts";
import { WebGpuDevice } from "./device.ts";
import { WebGpuExecutor } from "./executor.ts";

/** WebGPU, in a browser or in Node. */
export interface WebGpuBackend extends Backend {
  readonly kind: "webgpu";
  readonly gpu: WebGpuDevice;
  compile(g: Graph, options?: CompileOptions): Promise<WebGpuExecutor>;
}

/** Asks `gpu` (navigator.gpu, or createNodeGpu()) for an adapter and a device. Throws ChainruleError("adapter"). */
export async function webgpuBackend(gpu: GPU | undefined): Promise<WebGpuBackend> {
  const device = await WebGpuDevice.create(gpu);
  return {
    kind: "webgpu",
    description: `WebGPU: ${device.description}`,
    gpu: device,
    limits: {
      maxBufferSize: device.caps.maxBufferSize,
      maxDataBytes: Math.min(device.caps.maxBufferSize, device.caps.maxStorageBufferBindingSize),
    },
    compile: (g, options) => WebGpuExecutor.compile(device, g, options),
    dispose: () => device.dispose(),
  };
}
