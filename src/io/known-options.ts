import { ChainruleError } from "../core/errors.ts";
import type { ModelSpec } from "../nn/model-spec.ts";
import type { ResolvedOptions } from "../train/run/options.ts";

/**
 * Where each option of a run goes when it is written in another language, in a receipt or an export. One that is not
 * here does not compile: a new option must be thought of there, or refused, before a run that has it is written.
 */
const options: Readonly<Record<keyof ResolvedOptions, string>> = {
  model: "the net and its loss",
  data: "the rows",
  test: "the rows",
  batch: "how rows are drawn",
  optimizer: "the update",
  schedule: "the learning rate",
  clip: "the update",
  seed: "how rows and masks are drawn",
  weights: "what the run began with",
  halves: "f32 alone, see below",
  maxDataBytes: "nothing: it says where rows lie, not which are drawn",
  maxBufferSize: "nothing: it divides buffers",
  ema: "the average, behind the update",
  multipliers: "the update",
  penalty: "the loss",
  accumulate: "how rows are drawn, and the loss",
  augment: "the rows",
  recompute: "nothing: the same numbers, in less memory",
};
/** Likewise of a model. */
const fields: Readonly<Record<keyof ModelSpec, string>> = {
  input: "the rows",
  layers: "the net",
  loss: "the loss",
  classWeights: "the loss",
  labelSmoothing: "the loss",
  ignoreIndex: "the loss",
};

/** What a run may have that some place cannot say. */
export type RareOption = "accumulate" | "augment";

/** Refuses, at run time, what the compiler could not see, and what cannot be said there. */
export function requireKnown(run: ResolvedOptions, what: string, refuses: readonly RareOption[]): void {
  for (const [given, known] of [[run, options] as const, [run.model, fields] as const]) {
    const unknown = Object.keys(given).find((key) => !Object.hasOwn(known, key));
    if (unknown !== undefined) throw new ChainruleError("usage", `${what}: the option ${unknown} is not known there`);
  }
  const used: Readonly<Record<RareOption, boolean>> = {
    accumulate: run.accumulate > 1,
    augment: run.augment !== undefined,
  };
  const refused = refuses.find((option) => used[option]);
  if (refused) throw new ChainruleError("usage", `${what}: a run with ${refused} cannot be written there`);
  if (run.halves) {
    throw new ChainruleError("usage", `${what}: the run is in f16; what is written computes in f32 or more`);
  }
}
