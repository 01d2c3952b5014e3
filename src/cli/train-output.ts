import { short } from "../core/format.ts";
import type { Evaluation } from "../train/evaluation.ts";
import type { StepMetrics, Trainer } from "../train/trainer.ts";
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
  final: Evaluations;
  seconds: number;
  json: boolean;
  save: string | undefined;
}): void {
  const { stepsTaken: step, backend } = r.trainer;
  const perSecond = (step - r.first) / r.seconds;
  if (r.json) {
    const loss = r.last?.loss ?? null;
    print(
      JSON.stringify({
        steps: step,
        loss,
        ...r.final,
        seconds: r.seconds,
        backend: backend.description,
        saved: r.save ?? null,
      }),
    );
    return;
  }
  const parts = (["train", "validation", "test"] as const).flatMap((on) => {
    const e = r.final[on];
    if (!e) return [];
    const accuracy = e.accuracy === null ? "" : `, accuracy ${(100 * e.accuracy).toFixed(2)} %`;
    return [`${on} loss ${e.loss.toPrecision(5)}${accuracy}`];
  });
  print([`${step - r.first} steps in ${r.seconds.toFixed(1)} s (${short(perSecond)} steps/s)`, ...parts].join("; "));
  if (r.save !== undefined) print(`weights saved to ${r.save}`);
}
