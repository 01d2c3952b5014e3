import type { Backend } from "../backend/executor.ts";
import type { Abortable } from "../core/abort.ts";
import { loadLayerTypes } from "../nn/layers/registry.ts";
import type { CreateOptions } from "./open-trainer.ts";
import type { RecoveryOptions } from "./recovery/recovery.ts";
import type { TrainerOptions } from "./run/options.ts";
import { type Trainer, trainerOn } from "./trainer.ts";

/**
 * Checks everything, then makes a trainer ready to run. With options alone it takes the fastest of what is there, found by
 * timing this run's own steps: WebGPU (`gpu`, by default navigator.gpu) and the CPU in WebAssembly. With a backend, that
 * one, and `recovery` says what happens when a GPU's device is lost. Throws ChainruleError, before any work, for what
 * cannot be trained.
 */
export function createTrainer(options: CreateOptions): Promise<Trainer>;
export function createTrainer(
  backend: Backend,
  options: TrainerOptions & Abortable,
  recovery?: RecoveryOptions,
): Promise<Trainer>;
export async function createTrainer(
  first: Backend | CreateOptions,
  second?: TrainerOptions & Abortable,
  recovery?: RecoveryOptions,
): Promise<Trainer> {
  await loadLayerTypes((second ?? (first as CreateOptions | null))?.model);
  if (!second || !(first as Backend | null)?.compile) {
    const { openTrainer } = await import("./open-trainer.ts");
    return openTrainer(first as CreateOptions, second);
  }
  return trainerOn(first as Backend, second, recovery);
}
