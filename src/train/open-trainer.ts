import { cpuBackend } from "../backend/cpu.ts";
import type { Backend } from "../backend/executor.ts";
import { type GpuSource, webgpuBackend } from "../backend/webgpu/backend.ts";
import type { Abortable } from "../core/abort.ts";
import { ChainruleError } from "../core/errors.ts";
import { brief } from "../core/format.ts";
import { chooseTrainer } from "./choose-backend.ts";
import type { RecoveryOptions } from "./recovery/recovery.ts";
import { requireOptions, type TrainerOptions } from "./run/options.ts";
import type { Trainer } from "./trainer.ts";

/** What createTrainer() takes where it is to find a backend by itself. */
export interface CreateOptions extends TrainerOptions, Abortable {
  /**
   * Where WebGPU comes from: by default navigator.gpu; in Node `await createNodeGpu()`; or a device of the caller's own.
   * null leaves the GPU out.
   */
  readonly gpu?: GpuSource | null;
  /** What happens when the GPU's device is lost and does not come back; by default the run goes on on the CPU. */
  readonly recovery?: RecoveryOptions;
}

/**
 * A trainer on the fastest of the backends that can be had, which it alone uses and takes along when it ends. Throws
 * ChainruleError "usage" for what createTrainer() was given in the place of a backend, where there is a `second`, and for
 * a backend alone.
 */
export async function openTrainer(options: CreateOptions, second?: unknown): Promise<Trainer> {
  if (second !== undefined || typeof (options as { compile?: unknown } | null)?.compile === "function") {
    throw new ChainruleError("usage", `createTrainer: ${wanted(options, second)}`);
  }
  requireOptions(options);
  const backends = await openBackends(options.gpu);
  try {
    const recovery = { cpu: () => cpuBackend(), ...options.recovery };
    const { trainer, settled } = await chooseTrainer(backends, options, recovery);
    const chosen = trainer.backend;
    // Not before it is known which of them has the run.
    settled.then(() => {
      for (const backend of backends) if (backend !== chosen && backend !== trainer.backend) backend.dispose();
    });
    trainer.onDispose(() => {
      chosen.dispose();
      // After a loss it may be another.
      trainer.backend.dispose();
    });
    return trainer;
  } catch (error) {
    for (const backend of backends) backend.dispose();
    throw error;
  }
}

/** What is wrong with these arguments, and what to give. */
function wanted(first: unknown, second: unknown): string {
  const backend = typeof (first as { compile?: unknown } | null)?.compile === "function";
  if (backend) return `options are needed behind the backend, got ${brief(second)}`;
  const given = first instanceof Promise ? "a promise of one: await it" : `got ${brief(first)}`;
  const ways = "await webgpuBackend(gpu) or await cpuBackend(), or left out, which takes the faster";
  return `a backend is needed before the options, ${ways}; ${given}`;
}

async function openBackends(source: GpuSource | null | undefined): Promise<readonly Backend[]> {
  const cpu = await cpuBackend();
  const gpu = source === undefined ? globalThis.navigator?.gpu : source;
  if (!gpu) return [cpu];
  if (typeof gpu !== "object" || !("device" in gpu || "requestAdapter" in gpu)) {
    cpu.dispose();
    throw new ChainruleError(
      "usage",
      "gpu: navigator.gpu is needed, createNodeGpu()'s, { device } of your own, or null",
    );
  }
  try {
    return [await webgpuBackend(gpu), cpu];
  } catch (error) {
    // The trainer's description says that it runs on the CPU.
    if (error instanceof ChainruleError && error.code === "adapter") return [cpu];
    cpu.dispose();
    throw error;
  }
}
