/// <reference path="../backend/ambient.d.ts" preserve="true" />
import { ChainruleError } from "./errors.ts";

/** For work that its caller may stop. */
export interface Abortable {
  /** Stops the work: it rejects with ChainruleError "aborted", whose `cause` is the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Throws ChainruleError "aborted" where the signal has been given. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw aborted(signal);
}

/**
 * `work`, or the error "aborted" as soon as the signal is given. Work that cannot be stopped half-way goes on unseen;
 * `discard` gets what it comes to, so that nothing is left lying about.
 */
export async function orAborted<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
  discard: (late: T) => void = () => undefined,
): Promise<T> {
  if (!signal) return work;
  const late = (): void => void work.then(discard, () => undefined);
  if (signal.aborted) {
    late();
    throw aborted(signal);
  }
  let stop: () => void;
  const stopped = new Promise<never>((_, reject) => {
    stop = () => {
      late();
      reject(aborted(signal));
    };
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([work, stopped]);
  } finally {
    signal.removeEventListener("abort", stop!);
  }
}

/** The error of work that its signal has stopped. */
export function aborted(signal: AbortSignal | undefined): ChainruleError {
  return new ChainruleError("aborted", "stopped: its signal was given", { cause: signal?.reason });
}
