import { requireCount, requireKnownFields, requireOneOf } from "../../core/arguments.ts";

/** How many steps a run takes, and what it tells of them. */
export interface RunOptions {
  /** Steps to take; Infinity for as many as there is time for, until the loop is left or `signal` is given. */
  readonly steps: number;
  /** Report every so many steps (and the last); 1 by default. */
  readonly logEvery?: number;
  /** Stops after the steps that are already queued; the trainer stays usable. */
  readonly signal?: AbortSignal;
  /** "stop" (default) throws at the first step that is not finite; "skip" goes on. */
  readonly onNotFinite?: "stop" | "skip";
}

const fields: Readonly<Record<keyof RunOptions, true>> = {
  steps: true,
  logEvery: true,
  signal: true,
  onNotFinite: true,
};

/** Throws ChainruleError("usage") for options that cannot be meant. */
export function checkRun(options: RunOptions): void {
  requireKnownFields("run", options, Object.keys(fields));
  const { steps, logEvery = 1, onNotFinite = "stop" } = options;
  if (steps !== Number.POSITIVE_INFINITY) requireCount("run: steps", steps, 0);
  requireCount("run: logEvery", logEvery);
  requireOneOf("run: onNotFinite", onNotFinite, ["stop", "skip"]);
}
