import type { Backend } from "../backend/executor.ts";
import { type GpuSource, webgpuBackend } from "../backend/webgpu/backend.ts";
import type { Abortable } from "../core/abort.ts";
import { ChainruleError } from "../core/errors.ts";
import { chooseTrainer } from "./choose.ts";
import type { TrainerOptions } from "./options.ts";
import type { Trainer } from "./trainer.ts";

/** What createTrainer() takes where it is to find a backend by itself. */
export interface CreateOptions extends TrainerOptions, Abortable {
  /**
   * Where WebGPU comes from: by default navigator.gpu; in Node `await createNodeGpu()`; or a device of the caller's own.
   * null leaves the GPU out.
   */
  readonly gpu?: GpuSource | null;
}

/** A trainer on the fastest of the backends that can be had, which it alone uses and takes along when it ends. */
export async function openTrainer(options: CreateOptions): Promise<Trainer> {
  const backends = await openBackends(options.gpu);
  try {
    const { trainer } = await chooseTrainer(backends, options, options);
    for (const backend of backends) {
      if (backend === trainer.backend) trainer.onDispose(() => backend.dispose());
      else backend.dispose();
    }
    return trainer;
  } catch (error) {
    for (const backend of backends) backend.dispose();
    throw error;
  }
}

async function openBackends(source: GpuSource | null | undefined): Promise<readonly Backend[]> {
  // A page that trains on the GPU it has named need not load the CPU's code before this.
  const { cpuBackend } = await import("../backend/cpu.ts");
  const cpu = await cpuBackend();
  const gpu = source === undefined ? globalThis.navigator?.gpu : source;
  if (!gpu) return [cpu];
  try {
    return [await webgpuBackend(gpu), cpu];
  } catch (error) {
    // The trainer's description says that it runs on the CPU.
    if (error instanceof ChainruleError && error.code === "adapter") return [cpu];
    cpu.dispose();
    throw error;
  }
}
