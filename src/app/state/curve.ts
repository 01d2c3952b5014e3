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

/** A recorder at rest: numbers f64 [4 + levels] (steps seen, stride, first and last loss, averages), points f64 [n, WIDTH]. */
export interface RecordedCurve {
  readonly numbers: Float64Array;
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
  /** The curve so far, point behind point. */
  private whole: number[] = [];
  /** Points that the page does not have yet. */
  private points: number[] = [];
  /** Loss of the first step and of the last; NaN before there is one. */
  first = Number.NaN;
  last = Number.NaN;

  /** A recorder that goes on from where another was; the page is told the whole curve. */
  static from({ numbers, points }: RecordedCurve): CurveRecorder {
    const r = new CurveRecorder();
    const [seen, stride, first, last, ...averages] = numbers as unknown as readonly number[];
    if (averages.length !== smoothing.length || points.length % WIDTH !== 0) return r;
    Object.assign(r, { seen, stride, first, last, whole: [...points], points: [...points] });
    r.averages.set(averages);
    return r;
  }

  /** Loss of the last step; null before there is one. */
  get lastLoss(): number | null {
    return this.seen === 0 ? null : this.last;
  }

  add(p: CurvePoint): void {
    if (this.seen++ === 0) this.first = p.loss;
    this.last = p.loss;
    const levels = smoothing.map((a, i) => {
      this.averages[i] = a * this.averages[i]! + (1 - a) * p.loss;
      return this.averages[i]! / (1 - a ** this.seen);
    });
    if ((p.step - 1) % this.stride !== 0) return;
    const point = [p.step, p.gradientNorm, p.learningRate, ...levels];
    this.points.push(...point);
    this.whole.push(...point);
    if (this.whole.length < MOST * WIDTH) return;
    this.stride *= 2;
    this.whole = this.whole.filter((_, i) => (this.whole[i - (i % WIDTH)]! - 1) % this.stride === 0);
  }

  flush(): CurveNews {
    const points = Float64Array.from(this.points);
    this.points = [];
    return { stride: this.stride, points };
  }

  /** Everything, for a file. */
  record(): RecordedCurve {
    const { seen, stride, first, last, averages } = this;
    return { numbers: Float64Array.of(seen, stride, first, last, ...averages), points: Float64Array.from(this.whole) };
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
