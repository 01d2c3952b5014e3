import type { Backend } from "../../backend/executor.ts";
import { requireKnownFields, requireOneOf } from "../../core/arguments.ts";
import { ChainruleError } from "../../core/errors.ts";

/** What happens to a run whose GPU device is lost: a driver reset, a crash of the GPU process, sleep. */
export interface RecoveryOptions {
  /**
   * Where no device comes back: go on on the CPU (default, where `cpu` opens one), ask again and again, or stop with the
   * error. What was reached is kept in each case.
   */
  readonly onLost?: "cpu" | "wait" | "stop";
  /** Opens the backend to go on with; asked only when it is needed. */
  readonly cpu?: () => Promise<Backend>;
  /**
   * Milliseconds between two copies of the run's state on the host: at most so much is done again. Default 1000; a copy
   * that takes long is made less often, so that copying never takes more than a twentieth of the time.
   */
  readonly holdMs?: number;
  /** Hears of every loss and what became of it. */
  readonly onEvent?: (event: RecoveryEvent) => void;
}

const fields: Readonly<Record<keyof RecoveryOptions, true>> = { onLost: true, cpu: true, holdMs: true, onEvent: true };

/** Throws ChainruleError("usage") for options that cannot be meant. */
export function checkRecovery(options: RecoveryOptions): void {
  requireKnownFields("recovery", options, Object.keys(fields));
  const { onLost = "cpu", holdMs = 0 } = options;
  requireOneOf("recovery: onLost", onLost, ["cpu", "wait", "stop"]);
  if (!(holdMs >= 0)) throw new ChainruleError("usage", `recovery: holdMs must be at least 0, got ${holdMs}`);
}

/** What became of a loss, for people. */
export type RecoveryEvent =
  | { readonly kind: "lost"; readonly step: number; readonly message: string }
  /** Training goes on; `from` is the step of the copy that it went back to. */
  | { readonly kind: "recovered"; readonly step: number; readonly from: number; readonly ms: number }
  | { readonly kind: "moved"; readonly step: number; readonly from: number; readonly description: string }
  /** The GPU was still compiling when the run began on the CPU, is faster, and has it from step `step` on. */
  | { readonly kind: "faster"; readonly step: number; readonly description: string }
  | { readonly kind: "waiting"; readonly step: number; readonly message: string };

/** Time between two rounds of asking for a device. */
const WAIT_MS = 2000;
/** Losses without a step in between after which it is the run itself that the device cannot bear. */
export const MOST_LOSSES = 4;

export const isLost = (error: unknown): boolean => error instanceof ChainruleError && error.code === "lost";

/**
 * `make` on the backend, whose device comes back while it compiles; else what `onLost` says. Throws
 * ChainruleError("lost") where the run is to stop.
 */
export async function remake<T>(
  backend: Backend,
  step: number,
  { onLost = "cpu", cpu, onEvent }: RecoveryOptions,
  make: (backend: Backend) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await make(backend);
    } catch (error) {
      // Lost again while it was being made: once more.
      if (isLost(error) && tries < MOST_LOSSES) continue;
      if (!(error instanceof ChainruleError) || !(isLost(error) || error.code === "adapter")) throw error;
      if (onLost === "cpu" && cpu) return make(await cpu());
      if (onLost !== "wait" || signal?.aborted) {
        const advice = `what was reached by step ${step} is kept: save it, reload or restart, and go on from there`;
        throw new ChainruleError("lost", `${error.message} (${advice})`, { cause: error });
      }
      onEvent?.({ kind: "waiting", step, message: error.message });
      await pause(WAIT_MS, signal);
    }
  }
}

/** Resolves after `ms`, or when the signal says so. */
function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
