import { requireCount } from "../../core/arguments.ts";
import { ChainruleError } from "../../core/errors.ts";
import { lossKinds } from "../../nn/loss-kinds.ts";
import { matchData } from "../data/match-rows.ts";
import type { RowSource, Rows } from "../data/row-source.ts";
import { checkRun, type RunOptions } from "../run/run-options.ts";
import type { TrainerState } from "../run/state.ts";
import type { StepMetrics, Trainer, WeightsChoice } from "../trainer.ts";
import type { Evaluation } from "./evaluation.ts";

/** When a run is validated, and on what. */
export interface ValidateOptions {
  /** Steps between two validations, counted from the trainer's first; the end of a run is validated too. */
  readonly every: number;
  /** Rows to validate on: the trainer's test rows (default), its training rows, or rows of their own. */
  readonly on?: "test" | "train" | Rows | RowSource;
  /** The weights that are validated: the last (default), or their moving average. */
  readonly weights?: WeightsChoice;
}

/** When a run that no longer improves ends. */
export interface EarlyStopping {
  /** The run ends after so many validations in a row without an improvement. */
  readonly patience: number;
  /** What an improvement must exceed; 0 by default. */
  readonly minDelta?: number;
  /** "loss" (default) is to fall, "accuracy" to rise. */
  readonly monitor?: "loss" | "accuracy";
  /** Whether the trainer ends at the state of the best validation; true by default. */
  readonly restoreBest?: boolean;
}

export interface ValidatedRunOptions extends RunOptions {
  /** Validation between steps; none by default. */
  readonly validate?: ValidateOptions;
  /** An end before all steps are taken; none by default. */
  readonly stopEarly?: EarlyStopping;
}

/** A validation after step `step`. */
export interface Validation extends Evaluation {
  /** Steps taken before it. */
  readonly step: number;
  /** True where it is the best so far. */
  readonly improved: boolean;
}

/** What a validated run yields: its steps, and the validations between them. */
export type TrainingEvent =
  | { readonly type: "step"; readonly metrics: StepMetrics }
  | { readonly type: "validation"; readonly validation: Validation };

/** How a run ended. */
export interface ValidatedRun {
  /** Steps that were taken in all, though the trainer may be back at an earlier one. */
  readonly step: number;
  /** True where it ended before all steps were taken, for want of improvement. */
  readonly stoppedEarly: boolean;
  /** The best validation; null where there was none. */
  readonly best: Validation | null;
  /** True where the trainer went back to the state of the best validation. */
  readonly restored: boolean;
}

/** What a watch has seen, as plain values and arrays: kept beside a run's state, the run goes on as if never stopped. */
export interface WatchMemory {
  readonly waited: number;
  readonly best: Validation | null;
  readonly bestState: TrainerState | null;
  readonly last: Validation | null;
}

/** Validates a trainer between its steps and says when to stop; `runWithValidation` is a loop around it. */
export class ValidationWatch {
  private memory_: WatchMemory = { waited: 0, best: null, bestState: null, last: null };

  /** Throws, before any work, on what cannot be meant. */
  constructor(
    private readonly trainer: Trainer,
    private readonly validate_: ValidateOptions,
    private readonly stopEarly?: EarlyStopping,
  ) {
    refuse(trainer, { validate: validate_, ...(stopEarly ? { stopEarly } : {}) });
  }

  /** Steps until the next validation is due. */
  get stepsLeft(): number {
    const { every } = this.validate_;
    return every - (this.trainer.stepsTaken % every);
  }

  /** Whether validations have not improved for as long as early stopping waits. */
  get stopped(): boolean {
    return this.stopEarly !== undefined && this.memory_.waited >= this.stopEarly.patience;
  }

  get best(): Validation | null {
    return this.memory_.best;
  }

  /** For a file beside the run's state, and back. */
  get memory(): WatchMemory {
    return this.memory_;
  }
  set memory(memory: WatchMemory) {
    this.memory_ = memory;
  }

  async validate(signal?: AbortSignal): Promise<Validation> {
    const { on = "test", weights } = this.validate_;
    const { stepsTaken: step } = this.trainer;
    const { best, last, waited } = this.memory_;
    if (last?.step === step) return last;
    const found = (await this.trainer.evaluate(on, { signal, ...(weights ? { weights } : {}) }))!;
    const improved = improves(found, best, this.stopEarly);
    const validation: Validation = { step, ...found, improved };
    const keeps = improved && this.stopEarly !== undefined && this.stopEarly.restoreBest !== false;
    this.memory_ = {
      waited: improved ? 0 : waited + 1,
      best: improved ? validation : best,
      bestState: keeps ? await this.trainer.state() : this.memory_.bestState,
      last: validation,
    };
    return validation;
  }

  /** At the end of a run: puts the trainer where the best validation was, and says whether that was elsewhere. */
  restoreBest(): boolean {
    const { bestState } = this.memory_;
    if (!bestState || bestState.step === this.trainer.stepsTaken) return false;
    this.trainer.restore(bestState);
    return true;
  }
}

/**
 * A run with validations in between: yields steps as `trainer.run` does, and each validation as it comes. With
 * `stopEarly` it ends when validations no longer improve, and however it ends (short of an error) the trainer goes back
 * to the state after the best one: weights, moments and step, so it can go on from there.
 */
export async function* runWithValidation(
  trainer: Trainer,
  options: ValidatedRunOptions,
): AsyncGenerator<TrainingEvent, ValidatedRun> {
  const { validate, stopEarly, ...run } = options;
  checkRun(run);
  const { steps, logEvery = 1, signal } = run;
  if (!validate) refuse(trainer, options);
  const watch = validate ? new ValidationWatch(trainer, validate, stopEarly) : null;
  const end = trainer.stepsTaken + steps;
  while (trainer.stepsTaken < end && !signal?.aborted && !watch?.stopped) {
    const part = Math.min(end - trainer.stepsTaken, watch?.stepsLeft ?? steps);
    for await (const metrics of trainer.run({ ...run, steps: part })) {
      // A part's last step is always reported by the trainer, the run's only where it is asked for.
      const wanted = metrics.step % logEvery === 0 || metrics.step === end || metrics.skipped;
      if (wanted) yield { type: "step", metrics };
    }
    if (watch && !signal?.aborted) yield { type: "validation", validation: await watch.validate() };
  }
  const step = trainer.stepsTaken;
  const [stoppedEarly, best] = [watch?.stopped ?? false, watch?.best ?? null];
  return { step, stoppedEarly, best, restored: watch?.restoreBest() ?? false };
}

/** A value that is not a number improves nothing. */
function improves(
  now: Evaluation,
  best: Evaluation | null,
  { minDelta = 0, monitor = "loss" }: Partial<EarlyStopping> = {},
) {
  const sign = monitor === "accuracy" ? -1 : 1;
  const value = sign * now[monitor]!;
  if (!best) return Number.isFinite(value);
  return value < sign * best[monitor]! - minDelta;
}

function refuse(trainer: Trainer, { validate, stopEarly }: Omit<ValidatedRunOptions, "steps">): void {
  if (validate) {
    requireCount("validate: every", validate.every);
    const on = validate.on ?? "test";
    if (on === "test" && !trainer.options.test) {
      throw new ChainruleError("usage", 'validate: there are no test rows; give `test`, or `on: "train"` or rows');
    }
    if (validate.weights === "average" && !trainer.options.ema) {
      throw new ChainruleError("usage", "validate: this trainer keeps no moving average of its weights");
    }
    if (typeof on === "object") matchData(trainer.options.model, on, "validation data");
  }
  if (!stopEarly) return;
  if (!validate) throw new ChainruleError("usage", "stopEarly needs validate: { every }");
  requireCount("stopEarly: patience", stopEarly.patience);
  const { minDelta = 0, monitor = "loss" } = stopEarly;
  if (!(minDelta >= 0 && Number.isFinite(minDelta))) {
    throw new ChainruleError("usage", `stopEarly: minDelta must be at least 0, got ${minDelta}`);
  }
  if (monitor !== "loss" && monitor !== "accuracy") {
    throw new ChainruleError("usage", `stopEarly: monitor must be "loss" or "accuracy", got "${monitor}"`);
  }
  const { loss } = trainer.options.model;
  if (monitor === "accuracy" && lossKinds[loss].targets !== "classes") {
    throw new ChainruleError("usage", `stopEarly: a net with the loss ${loss} has no accuracy; monitor the loss`);
  }
}
