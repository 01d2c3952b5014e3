import type { Backend } from "../backend/executor.ts";
import { requireKnownFields } from "../core/arguments.ts";
import { ChainruleError } from "../core/errors.ts";
import { createTrainer } from "./create-trainer.ts";
import type { TrainerOptions } from "./run/options.ts";

/** The ramp and how it is looked at. Each step's rate is the same factor larger than the one before. */
export interface FindLearningRateOptions {
  /** First rate; 1e-6. */
  readonly from?: number;
  /** Last rate; 10. */
  readonly to?: number;
  /** Steps of the ramp; 200. */
  readonly steps?: number;
  /** How much of the smoothed loss stays from one step to the next; 0.9. */
  readonly smoothing?: number;
  /** The ramp ends where the smoothed loss is so many times its least (4). */
  readonly divergence?: number;
}

const fields: Readonly<Record<keyof FindLearningRateOptions, true>> = {
  from: true,
  to: true,
  steps: true,
  smoothing: true,
  divergence: true,
};

/** One step of the ramp. */
export interface LearningRatePoint {
  /** Counted from 1. */
  readonly step: number;
  /** The rate of this step. */
  readonly learningRate: number;
  /** Loss of its batch. */
  readonly loss: number;
  /** The loss, smoothed over the steps so far. */
  readonly smoothed: number;
}

/** What a ramp showed. */
export interface LearningRateCurve {
  /** One a step, until the loss ran away. */
  readonly points: readonly LearningRatePoint[];
  /** The rate at which the smoothed loss falls fastest over log rate; null where it never falls. */
  readonly suggestion: number | null;
  /** The rate at which the smoothed loss is least: more than this is too much. */
  readonly least: number;
  /** Whether the ramp ended because the loss ran away. */
  readonly diverged: boolean;
}

/** Of the first smoothed loss: below that share the least loss no longer decides what a runaway is. */
const SMALL_LOSS = 0.1;
/** A net that learns anywhere on the ramp takes more than this share off its loss. */
const FALLS = 0.01;
/** Share of the ramp over which a slope is taken: one step's is mostly noise. */
const WINDOW = 0.05;

/**
 * Finds a learning rate by a ramp (Smith, 2015): trains from the first weights while the rate grows by the same factor
 * every step, on the device with no word from the host, and looks where the loss falls fastest. The options' own
 * schedule and rate are not used; no trainer of yours is touched.
 */
export async function findLearningRate(
  backend: Backend,
  options: TrainerOptions,
  given: FindLearningRateOptions = {},
): Promise<LearningRateCurve> {
  requireKnownFields("findLearningRate", given, Object.keys(fields));
  const { from = 1e-6, to = 10, steps = 200, smoothing = 0.9, divergence = 4 } = given;
  refuse({ from, to, steps, smoothing, divergence });
  const optimizer = { ...(options.optimizer ?? { type: "adam" as const }), lr: from };
  const schedule = { type: "exponential", steps: steps - 1, end: to } as const;
  const trainer = await createTrainer(backend, { ...options, optimizer, schedule });
  const abort = new AbortController();
  const points: LearningRatePoint[] = [];
  let average = 0;
  let least = Number.POSITIVE_INFINITY;
  let diverged = false;
  try {
    for await (const m of trainer.run({ steps, signal: abort.signal, onNotFinite: "skip" })) {
      const { step, loss, learningRate } = m;
      // Divided by what the weights of a young average add up to, as Adam's moments are.
      average = smoothing * average + (1 - smoothing) * loss;
      const smoothed = average / (1 - smoothing ** step);
      const first = points[0]?.smoothed ?? smoothed;
      if (m.skipped || smoothed > divergence * Math.max(least, SMALL_LOSS * first)) {
        diverged = true;
        abort.abort();
        break;
      }
      least = Math.min(least, smoothed);
      points.push({ step, learningRate, loss, smoothed });
    }
  } finally {
    trainer.dispose();
  }
  if (points.length === 0) {
    throw new ChainruleError(
      "not-finite",
      `the first step, at a rate of ${from}, is not finite already: look at the data`,
    );
  }
  const lowest = points.reduce((a, b) => (b.smoothed < a.smoothed ? b : a));
  return { points, suggestion: steepest(points, lowest, steps, smoothing), least: lowest.learningRate, diverged };
}

/**
 * Where the smoothed loss falls fastest on its way to the lowest point; all steps are equally far apart in log rate. The
 * first ones are left out, while the average is still of a few losses and moves with each.
 */
function steepest(
  points: readonly LearningRatePoint[],
  lowest: LearningRatePoint,
  steps: number,
  smoothing: number,
): number | null {
  if (lowest.smoothed > (1 - FALLS) * points[0]!.smoothed) return null;
  const half = Math.max(1, Math.round((WINDOW * steps) / 2));
  let best = { fall: 0, at: -1 };
  const young = Math.ceil(1 / (1 - smoothing));
  for (let i = young + half; i + half < points.length && points[i]!.step <= lowest.step; i++) {
    const fall = points[i - half]!.smoothed - points[i + half]!.smoothed;
    if (fall > best.fall) best = { fall, at: i };
  }
  return best.at < 0 ? null : points[best.at]!.learningRate;
}

function refuse(o: Required<FindLearningRateOptions>): void {
  const bad = (message: string): never => {
    throw new ChainruleError("usage", `findLearningRate: ${message}`);
  };
  if (!(o.from > 0 && Number.isFinite(o.from))) bad(`from must be a positive number, got ${o.from}`);
  if (!(o.to > o.from && Number.isFinite(o.to))) bad(`to must be above from (${o.from}), got ${o.to}`);
  if (!(Number.isInteger(o.steps) && o.steps >= 10 && o.steps < 2 ** 31)) {
    bad(`steps must be a whole number from 10 up, got ${o.steps}`);
  }
  if (!(o.smoothing >= 0 && o.smoothing < 1)) bad(`smoothing must be at least 0 and below 1, got ${o.smoothing}`);
  if (!(o.divergence > 1)) bad(`divergence must be above 1, got ${o.divergence}`);
}
