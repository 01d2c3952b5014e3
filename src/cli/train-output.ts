import { short } from "../core/format.ts";
import type { Evaluation } from "../train/evaluation/evaluation.ts";
import type { ValidatedRun, Validation } from "../train/evaluation/validation.ts";
import type { StepMetrics, Trainer } from "../train/trainer.ts";
import type { DataSummary } from "./data-summary.ts";
import { clearProgress, print } from "./output.ts";

/** Evaluations at the end of a run. */
export interface Evaluations {
  /** Absent where no rows were held out to validate. */
  readonly validation?: Evaluation | null;
  readonly train: Evaluation | null;
  readonly test: Evaluation | null;
}

/** A line of the log; with f16 also the scale of the loss, and whether the step was left out to find it. */
export function logLine(m: StepMetrics, halves: boolean): string {
  const { step, loss, gradientNorm, learningRate, lossScale, skipped } = m;
  const scaling = halves ? { lossScale, skipped } : {};
  return `${JSON.stringify({ step, loss, gradientNorm, learningRate, ...scaling })}\n`;
}

/** An evaluation's line of the log. */
export function evaluationLine(step: number, on: keyof Evaluations, e: Evaluation | null): string {
  return `${JSON.stringify({ step, evaluation: on, loss: e?.loss, accuracy: e?.accuracy })}\n`;
}

/** A validation's line on the screen. */
export function validationLine(on: keyof Evaluations, v: Validation, json: boolean): void {
  clearProgress();
  if (!json) print(`step ${String(v.step).padStart(7)}  ${scoreText(on, v)}${v.improved ? "  best so far" : ""}`);
}

/** "test loss 0.12345, accuracy 97.50 %" */
function scoreText(on: string, { loss, accuracy }: Evaluation): string {
  return `${on} loss ${loss.toPrecision(5)}${accuracy === null ? "" : `, accuracy ${(100 * accuracy).toFixed(2)} %`}`;
}

/** How a run ended. */
export type RunEnd = ValidatedRun;

const score = (e: Evaluation | null): Evaluation | null => e && { loss: e.loss, accuracy: e.accuracy };

/** A line on the screen. */
export function stepLine(m: StepMetrics, json: boolean): void {
  clearProgress();
  if (!json) print(`step ${String(m.step).padStart(7)}  loss ${m.loss.toPrecision(6)}`);
}

/** Time left, for the progress line. */
export function remaining(start: number, step: number, steps: number): string {
  const seconds = ((performance.now() - start) / 1000 / step) * (steps - step);
  return seconds > 90 ? `${Math.round(seconds / 60)} min left` : `${Math.round(seconds)} s left`;
}

/** What came out, for a person or as JSON. */
export function summary(r: {
  trainer: Trainer;
  /** The step that the run went on from; 0 for a new one. */
  first: number;
  last: StepMetrics | null;
  /** Where it ended, and its best validation. */
  ended: RunEnd;
  final: Evaluations;
  seconds: number;
  json: boolean;
  save: string | undefined;
  data: DataSummary;
}): void {
  const { backend } = r.trainer;
  const { step, best, stoppedEarly, restored } = r.ended;
  const perSecond = (step - r.first) / r.seconds;
  if (r.json) {
    const loss = r.last?.loss ?? null;
    print(
      JSON.stringify({
        steps: step,
        loss,
        train: score(r.final.train),
        test: score(r.final.test),
        ...(r.final.validation ? { validation: score(r.final.validation) } : {}),
        ...(best ? { best: best.step, stoppedEarly } : {}),
        seconds: r.seconds,
        backend: backend.description,
        saved: r.save ?? null,
        data: r.data,
      }),
    );
    return;
  }
  const parts = (["train", "validation", "test"] as const).flatMap((on) => {
    const e = r.final[on];
    return e ? [scoreText(on, e)] : [];
  });
  if (stoppedEarly) print(`stopped early after step ${step}: no validation was better than step ${best?.step}'s`);
  if (restored) print(`the weights are those of step ${r.trainer.stepsTaken}, the best`);
  print([`${step - r.first} steps in ${r.seconds.toFixed(1)} s (${short(perSecond)} steps/s)`, ...parts].join("; "));
  if (r.save !== undefined) print(`weights saved to ${r.save}`);
}
