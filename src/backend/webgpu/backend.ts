import { disposing } from "../../core/resource.ts";
import type { Graph } from "../../graph/graph.ts";
import { ExecutorCache } from "../cache.ts";
import type { Backend, CompileOptions } from "../executor.ts";
import { WebGpuDevice } from "./device.ts";
import { WebGpuExecutor } from "./executor.ts";
import { lowering } from "./lowering.ts";
import { type ChoiceStore, Tuner } from "./tuner.ts";

/** WebGPU, in a browser or in Node. */
export interface WebGpuBackend extends Backend {
  readonly kind: "webgpu";
  readonly gpu: WebGpuDevice;
  /** What chose the kernels by measurement; null where it was told not to. */
  readonly tuner: Tuner | null;
  compile(g: Graph, options?: CompileOptions): Promise<WebGpuExecutor>;
}

export interface WebGpuOptions {
  /** Measures the kernels of large products on first use and takes the fastest. Default true. */
  readonly tune?: boolean;
  /** Keeps what was measured for the next run. Default: for as long as the backend lives. */
  readonly choices?: ChoiceStore;
}

/** Where WebGPU comes from: navigator.gpu, createNodeGpu() in Node, or a device that the caller has already. */
export type GpuSource = GPU | { readonly device: GPUDevice };

/**
 * The GPU as a backend: an adapter and a device from `gpu` (by default the browser's own), or the caller's device, with
 * the limits and features that it was made with. That one dispose() leaves alive, and only gives back what was put there.
 * Throws ChainruleError "adapter" where there is no WebGPU or no adapter.
 */
export async function webgpuBackend(
  gpu: GpuSource | undefined = globalThis.navigator?.gpu,
  options: WebGpuOptions = {},
): Promise<WebGpuBackend> {
  const device = gpu && "device" in gpu ? WebGpuDevice.of(gpu.device) : await WebGpuDevice.create(gpu);
  const tuner = options.tune === false ? null : new Tuner(device, options.choices);
  const cache = new ExecutorCache("the backend");
  return disposing({
    kind: "webgpu" as const,
    description: `WebGPU: ${device.description}`,
    gpu: device,
    tuner,
    cache,
    limits: {
      maxBufferSize: device.caps.maxBufferSize,
      maxDataBytes: Math.min(device.caps.maxBufferSize, device.caps.maxStorageBufferBindingSize),
    },
    async compile(g: Graph, given: CompileOptions = {}) {
      device.check();
      const lowered = await lowering(g, device.caps, given);
      // Steps on the chip have no kernels to choose from.
      if (!tuner || given.kernel || lowered) return WebGpuExecutor.compile(device, g, given, lowered);
      const kernels = await tuner.kernels(given.nodes ?? g.nodes);
      return WebGpuExecutor.compile(device, g, { ...given, kernel: (node) => kernels.get(node) ?? null }, null);
    },
    dispose() {
      cache.dispose();
      device.dispose();
    },
  });
}
