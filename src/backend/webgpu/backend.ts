import { ChainruleError, textOf } from "../../core/errors.ts";
import { disposedError, disposing } from "../../core/resource.ts";
import type { Graph, Node } from "../../graph/graph.ts";
import { addLateKernels } from "../../graph/late-kernels.ts";
import { ExecutorCache } from "../cache.ts";
import type { Backend, CompileOptions } from "../executor.ts";
import { WebGpuDevice, WHOLE_STEPS } from "./device.ts";
import { WebGpuExecutor } from "./executor.ts";
import { LazyTuner } from "./lazy-tuner.ts";
import { loweredIsRight, lowering } from "./lowering.ts";
import { recorder } from "./record.ts";
import type { ChoiceStore } from "./stored-choices.ts";

/** WebGPU, in a browser or in Node. */
export interface WebGpuBackend extends Backend {
  /** Tells it from the CPU. */
  readonly kind: "webgpu";
  /** The device in use: another one after a loss. */
  readonly gpu: WebGpuDevice;
  /** What chose the kernels by measurement; null where it was told not to. */
  readonly tuner: LazyTuner | null;
  compile(g: Graph, options?: CompileOptions): Promise<WebGpuExecutor>;
}

/** Settings of the WebGPU backend. */
export interface WebGpuOptions {
  /** Measures the kernels of large products on first use and takes the fastest. Default true. */
  readonly tune?: boolean;
  /** Keeps what was measured for the next run. Default: for as long as the backend lives. */
  readonly choices?: ChoiceStore;
  /** Pauses before each new try to get a device after one was lost, in milliseconds. */
  readonly retryMs?: readonly number[];
}

/** A driver that resets is back in a moment, a GPU process in a second or so; after that nobody will come. */
const RETRY_MS: readonly number[] = [0, 100, 300, 1000, 3000];

/** Where WebGPU comes from: navigator.gpu, createNodeGpu() in Node, or a device that the caller has already. */
export type GpuSource = GPU | { readonly device: GPUDevice };

/**
 * The GPU as a backend: an adapter and a device from `gpu` (by default the browser's own), or the caller's device, with
 * the limits and features that it was made with. That one dispose() leaves alive, and only gives back what was put there;
 * lost, it is the caller's to replace. Throws ChainruleError "adapter" where there is no WebGPU or no adapter.
 */
export async function webgpuBackend(
  gpu: GpuSource | undefined = globalThis.navigator?.gpu,
  options: WebGpuOptions = {},
): Promise<WebGpuBackend> {
  let device = await (gpu && "device" in gpu ? WebGpuDevice.of(gpu.device) : WebGpuDevice.create(gpu));
  const tuner = options.tune === false ? null : new LazyTuner(device, options.choices);
  const cache = new ExecutorCache("the backend");
  let reopening: Promise<void> | null = null;
  let disposed = false;

  /** The device, or a new one where it failed; all who ask meanwhile wait for the same. */
  async function alive(): Promise<WebGpuDevice> {
    if (disposed) throw disposedError("the backend");
    if (!device.failed) return device;
    if (gpu && "device" in gpu) device.check();
    reopening ??= reopen(gpu as GPU | undefined, device, options.retryMs ?? RETRY_MS)
      .then((next) => {
        if (disposed) next.dispose();
        device = next;
        tuner?.moveTo(next);
      })
      .finally(() => {
        reopening = null;
      });
    await reopening;
    return alive();
  }

  return disposing({
    kind: "webgpu" as const,
    description: `WebGPU: ${device.description}`,
    get gpu() {
      return device;
    },
    tuner,
    ...(tuner ? { choices: tuner } : {}),
    cache,
    limits: {
      maxBufferSize: device.caps.maxBufferSize,
      maxDataBytes: Math.min(device.caps.maxBufferSize, device.caps.maxStorageBufferBindingSize),
    },
    async compile(g: Graph, given: CompileOptions = {}) {
      const now = await alive();
      const nodes = given.nodes ?? g.nodes;
      await addLateKernels(nodes, now.caps);
      const lowered = now.wrong.has(WHOLE_STEPS) ? null : await lowering(g, now, given);
      // Steps on the chip have no kernels to choose from.
      if (lowered) {
        const executor = await WebGpuExecutor.compile(now, g, given, lowered);
        if (given.selfTest === false || given.onChip || (await loweredIsRight(now, executor, g))) return executor;
        executor.dispose();
      }
      if (!tuner || given.kernel) return WebGpuExecutor.compile(now, g, { ...given, cursor: null }, null);
      const kernels = await tuner.kernels(nodes);
      const chosen = { ...given, kernel: (node: Node) => kernels.get(node) ?? null };
      return WebGpuExecutor.compile(now, g, chosen, null).catch(async (error) => {
        if (error.code !== "limit" || !tuner.late) throw error;
        // A trial that is over its time may have had what there was no room for.
        await tuner.late;
        return WebGpuExecutor.compile(now, g, chosen, null);
      });
    },
    async probeMemory(g: Graph, nodes: readonly Node[], also: readonly number[]) {
      const [{ probedBytes }] = await Promise.all([import("./memory-probe.ts"), tuner?.late]);
      return probedBytes(await alive(), g, nodes, also, recorder);
    },
    dispose() {
      disposed = true;
      cache.dispose();
      device.dispose();
    },
  });
}

/** Tries again after each pause; throws what the last try said. */
async function reopen(gpu: GPU | undefined, lost: WebGpuDevice, pauses: readonly number[]): Promise<WebGpuDevice> {
  // What is left of it would keep its memory.
  lost.dispose();
  let last: unknown = null;
  for (const ms of pauses) {
    await new Promise((resolve) => setTimeout(resolve, ms));
    try {
      return await WebGpuDevice.create(gpu);
    } catch (error) {
      last = error;
    }
  }
  throw new ChainruleError("adapter", `the GPU was lost and did not come back: ${textOf(last)}`, { cause: last });
}
