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
export function evaluationLine(step: number, on: keyof Evaluations, e: Evaluation | null, data: DataSummary): string {
  const scores = { loss: e?.loss, accuracy: e?.accuracy, ...(e && textScores(on, e, data)) };
  return `${JSON.stringify({ step, evaluation: on, ...scores })}\n`;
}

/**
 * Where every step has a class, what a loss in nats a step says: how many classes it is as unsure between, and how many
 * bits each token takes; of a text each byte, which nets of different tokenizers can be compared by.
 */
function textScores(on: keyof Evaluations, { loss }: Evaluation, { text, perStep }: DataSummary) {
  const bytes = text?.bytesPerToken[on];
  const [perplexity, bits] = [Math.exp(loss), loss / Math.LN2];
  if (bytes !== undefined) return { perplexity, bitsPerByte: bits / bytes };
  return perStep ? { perplexity, bitsPerToken: bits } : {};
}

/** A validation's line on the screen. */
export function validationLine(on: keyof Evaluations, v: Validation, data: DataSummary, json: boolean): void {
  clearProgress();
  if (!json) print(`step ${String(v.step).padStart(7)}  ${scoreText(on, v, data)}${v.improved ? "  best so far" : ""}`);
}

/** "test loss 0.12345, accuracy 97.50 %" */
function scoreText(on: keyof Evaluations, e: Evaluation, data: DataSummary): string {
  const { perplexity, bitsPerByte, bitsPerToken } = textScores(on, e, data);
  return [
    `${on} loss ${e.loss.toPrecision(5)}`,
    ...(e.accuracy === null ? [] : [`accuracy ${(100 * e.accuracy).toFixed(2)} %`]),
    ...(perplexity === undefined ? [] : [`perplexity ${perplexity.toPrecision(4)}`]),
    ...(bitsPerToken === undefined ? [] : [`${bitsPerToken.toPrecision(4)} bits per token`]),
    ...(bitsPerByte === undefined ? [] : [`${bitsPerByte.toPrecision(4)} bits per byte`]),
  ].join(", ");
}

/** How a run ended. */
export type RunEnd = ValidatedRun;

const score = (on: keyof Evaluations, e: Evaluation | null, data: DataSummary) =>
  e && { loss: e.loss, accuracy: e.accuracy, ...textScores(on, e, data) };

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
        train: score("train", r.final.train, r.data),
        test: score("test", r.final.test, r.data),
        ...(r.final.validation ? { validation: score("validation", r.final.validation, r.data) } : {}),
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
    return e ? [scoreText(on, e, r.data)] : [];
  });
  if (stoppedEarly) print(`stopped early after step ${step}: no validation was better than step ${best?.step}'s`);
  if (restored) print(`the weights are those of step ${r.trainer.stepsTaken}, the best`);
  print([`${step - r.first} steps in ${r.seconds.toFixed(1)} s (${short(perSecond)} steps/s)`, ...parts].join("; "));
  if (r.save !== undefined) print(`weights saved to ${r.save}`);
}
