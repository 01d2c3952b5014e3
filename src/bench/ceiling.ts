import { ceilingParams } from "../../shaders/ceilings.ts";
import type { Binding, Launch } from "../graph/op.ts";
import type { Timing } from "./stats.ts";

export type CeilingUnit = "GFLOP/s" | "GB/s" | "µs";

/** One limit of the adapter, measured by a kernel whose result was checked first. */
export interface Ceiling {
  readonly name: "fma" | "copy" | "read" | "shared" | "dispatch" | "submit" | "done" | "readback";
  /** In words, for people. */
  readonly what: string;
  /** False means that the result was wrong, and that nothing was timed. */
  readonly verified: boolean;
  /** Rates by the fastest variant; null where the result was wrong. */
  readonly value: number | null;
  readonly unit: CeilingUnit;
  /** Milliseconds of one repetition. */
  readonly ms: Timing | null;
}

export interface CeilingOptions {
  readonly signal?: AbortSignal | undefined;
  /** Changes the code of a kernel before it runs: how a test shows that wrong ones are not timed. */
  readonly edit?: (code: string) => string;
}

/** Workgroups of the kernels that compute: enough to fill the largest device. */
export const GROUPS = 1024;

export const whole = (index: number, access: Binding["access"]): Binding => ({ kind: "output", index, access });

/** A launch of one of the kernels of shaders/ceilings.ts. */
export function launch(
  code: string,
  bindings: readonly Binding[],
  params: { rounds?: number; words?: number } | null,
  groups = GROUPS,
  edit: CeilingOptions["edit"] = undefined,
): Launch {
  const packed =
    params && ceilingParams.pack({ rounds: params.rounds ?? 0, words: params.words ?? 0, step: 1, add: 1 });
  return { code: edit ? edit(code) : code, params: packed, bindings, workgroups: [groups, 1, 1] };
}

/** The value of one limit, where it was measured. */
export function ceilingOf(ceilings: readonly Ceiling[], name: Ceiling["name"]): number | null {
  return ceilings.find((c) => c.name === name)?.value ?? null;
}
