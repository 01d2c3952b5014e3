import type { Graph } from "../../graph/graph.ts";
import type { Backend, CompileOptions } from "../executor.ts";
import { WebGpuDevice } from "./device.ts";
import { WebGpuExecutor } from "./executor.ts";
import { chooseLowering } from "./lower.ts";
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

/** Asks `gpu` (navigator.gpu, or createNodeGpu()) for an adapter and a device. Throws ChainruleError("adapter"). */
export async function webgpuBackend(gpu: GPU | undefined, options: WebGpuOptions = {}): Promise<WebGpuBackend> {
  const device = await WebGpuDevice.create(gpu);
  const tuner = options.tune === false ? null : new Tuner(device, options.choices);
  return {
    kind: "webgpu",
    description: `WebGPU: ${device.description}`,
    gpu: device,
    tuner,
    ...(tuner ? { choices: tuner } : {}),
    limits: {
      maxBufferSize: device.caps.maxBufferSize,
      maxDataBytes: Math.min(device.caps.maxBufferSize, device.caps.maxStorageBufferBindingSize),
    },
    async compile(g, given = {}) {
      // Steps on the chip have no kernels to choose from.
      const onChip = chooseLowering(g, device.caps, given) !== null;
      if (!tuner || given.kernel || onChip) return WebGpuExecutor.compile(device, g, given);
      const kernels = await tuner.kernels(given.nodes ?? g.nodes);
      return WebGpuExecutor.compile(device, g, { ...given, kernel: (node) => kernels.get(node) ?? null });
    },
    dispose: () => device.dispose(),
  };
}
