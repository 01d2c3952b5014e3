/** Points kept for the drawing; above, every second one goes. */
const MOST = 4000;

/** How much of the last smoothed value goes into the next one, level by level; level 0 is the raw curve. */
export const smoothing = [0, 0.6, 0.9, 0.97, 0.99, 0.997] as const;

/** What one step reports. */
export interface CurvePoint {
  readonly step: number;
  readonly loss: number;
  readonly gradientNorm: number;
  readonly learningRate: number;
}

/** Columns of a point on its way to the page: step, norm, rate, and the loss at every level of smoothing. */
const FIXED = 3;
const WIDTH = FIXED + smoothing.length;

/** New points of a curve, and how far apart its points are from now on. */
export interface CurveNews {
  readonly stride: number;
  readonly points: Float64Array;
}

/**
 * Sees every step, smooths over all of them, and only then leaves points out: a curve of any length costs bounded
 * memory, and what is drawn as the trend has seen every value.
 */
export class CurveRecorder {
  private readonly averages = new Float64Array(smoothing.length);
  private seen = 0;
  private stride = 1;
  private kept = 0;
  private points: number[] = [];
  /** Loss of the first step and of the last; NaN before there is one. */
  first = Number.NaN;
  last = Number.NaN;

  add(p: CurvePoint): void {
    if (this.seen++ === 0) this.first = p.loss;
    this.last = p.loss;
    const levels = smoothing.map((a, i) => {
      this.averages[i] = a * this.averages[i]! + (1 - a) * p.loss;
      return this.averages[i]! / (1 - a ** this.seen);
    });
    if ((p.step - 1) % this.stride !== 0) return;
    this.points.push(p.step, p.gradientNorm, p.learningRate, ...levels);
    if (++this.kept < MOST) return;
    this.stride *= 2;
    this.kept = Math.ceil(this.kept / 2);
  }

  flush(): CurveNews {
    const points = Float64Array.from(this.points);
    this.points = [];
    return { stride: this.stride, points };
  }
}

/** What the page keeps of a run's curve. */
export class Curve {
  steps: number[] = [];
  norms: number[] = [];
  rates: number[] = [];
  /** The loss at each level of smoothing. */
  levels: number[][] = smoothing.map(() => []);
  private stride = 1;

  get losses(): readonly number[] {
    return this.levels[0]!;
  }

  add({ stride, points }: CurveNews): void {
    if (stride > this.stride) this.thin(stride);
    for (let at = 0; at < points.length; at += WIDTH) {
      if ((points[at]! - 1) % stride !== 0) continue;
      this.steps.push(points[at]!);
      this.norms.push(points[at + 1]!);
      this.rates.push(points[at + 2]!);
      this.levels.forEach((level, i) => {
        level.push(points[at + FIXED + i]!);
      });
    }
  }

  private thin(stride: number): void {
    this.stride = stride;
    const kept = this.steps.map((s) => (s - 1) % stride === 0);
    const keep = (values: number[]): number[] => values.filter((_, i) => kept[i]);
    this.levels = this.levels.map(keep);
    this.norms = keep(this.norms);
    this.rates = keep(this.rates);
    this.steps = keep(this.steps);
  }
}
