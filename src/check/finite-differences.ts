import { type NdArray, sizeOf, unravel } from "../core/ndarray.ts";
import { randomWord, STREAM } from "../core/philox.ts";
import type { Graph, Node, Tensor } from "../graph/graph.ts";

/** An analytic gradient held against central differences of the loss. */
export interface FiniteDifferenceResult {
  /** True where no difference is beyond its tolerance. */
  readonly pass: boolean;
  /** Largest |analytic - numeric| / tolerance; at most 1 when all is well. */
  readonly worstRatio: number;
  /** Largest |analytic - numeric|. */
  readonly maxError: number;
  /** Tolerance at the worst place. */
  readonly tolerance: number;
  /** Where that comes nearest to its tolerance, or farthest beyond it. */
  readonly worst: { readonly index: readonly number[]; readonly analytic: number; readonly numeric: number };
  /**
   * Elements looked at one by one; all others are in the one check along a random direction. Both leave out what lies on a
   * kink, such as a tie of two largest, where there is no slope to compare with, and what gets no gradient on purpose.
   */
  readonly checked: number;
  /** Elements of the array. */
  readonly size: number;
}

/** Step of the difference, in units of max(1, |value|): near the cube root of f64's precision. */
const STEP = 6e-6;
/** Smaller steps to try where the first met a kink, such as a rectifier's. */
const STEPS = [STEP, STEP / 30, STEP / 900] as const;
/** Truncation is relative to the gradient; cancellation to the loss over the step. */
const RELATIVE = 1e-6;
const CANCELLATION = 3e-15;
/** Slopes of both sides that differ by so many times what cancellation takes are those of a kink. */
const KINK = 8;

/** Recomputes the loss in f64 with one value replaced, running only what depends on it. */
export class LossProbe {
  private readonly forward: readonly Node[];

  constructor(
    g: Graph,
    private readonly loss: Tensor,
    private readonly values: ReadonlyMap<Tensor, NdArray>,
  ) {
    this.forward = g.nodes.slice(0, g.nodes.indexOf(loss.node!) + 1);
  }

  get lossValue(): number {
    return this.values.get(this.loss)!.data[0]!;
  }

  /** Whether an element of `t` gets no gradient on purpose from an op that reads it. */
  unlearned(t: Tensor): (i: number) => boolean {
    const stretches = this.forward.flatMap(({ op, inputs, attrs }) => {
      const found = op.unlearned?.(inputs, attrs);
      return found && inputs[found.input] === t ? [found] : [];
    });
    return (i) => stretches.some(({ from, to }) => i >= from && i < to);
  }

  /** A function from a replacement of `t` to the loss. */
  of(t: Tensor): (replacement: NdArray) => number {
    const changed = new Set<Tensor>([t]);
    const nodes = this.forward.filter((node) => {
      if (!node.inputs.some((x) => changed.has(x))) return false;
      for (const y of node.outputs) changed.add(y);
      return true;
    });
    return (replacement) => {
      const now = new Map<Tensor, NdArray>([[t, replacement]]);
      for (const node of nodes) {
        const inputs = node.inputs.map((x, i) => {
          const value = now.get(x) ?? this.values.get(x)!;
          const updated = node.op.inPlace?.some(([, from]) => from === i);
          return updated ? { ...value, data: value.data.slice() } : value;
        });
        const outputs = (node.op.ideal ?? node.op.reference)(inputs, node.attrs);
        node.outputs.forEach((y, i) => {
          now.set(y, outputs[i]!);
        });
      }
      return now.get(this.loss)!.data[0]!;
    };
  }
}

/**
 * Checks d loss / d t at up to `samples` elements, and along one random direction of signs that all elements share in.
 */
export function checkFiniteDifferences(
  probe: LossProbe,
  t: Tensor,
  value: NdArray,
  gradient: NdArray,
  samples: number,
): FiniteDifferenceResult {
  const lossAt = probe.of(t);
  const size = sizeOf(t.shape);
  const floor = CANCELLATION * (1 + Math.abs(probe.lossValue));
  let worst = { ratio: -1, error: 0, tolerance: 0, index: [] as number[], analytic: 0, numeric: 0 };
  /** False where there is no slope to compare with. */
  const look = (index: number[], analytic: number, scale: number, along: (h: number) => NdArray): boolean => {
    let best = { ratio: Number.POSITIVE_INFINITY, error: 0, tolerance: 0, numeric: 0 };
    const gaps: number[] = [];
    for (const step of STEPS) {
      const h = step * scale;
      const [ahead, behind] = [lossAt(along(h)), lossAt(along(-h))];
      const numeric = (ahead - behind) / (2 * h);
      const error = Math.abs(numeric - analytic);
      const tolerance = RELATIVE * Math.max(Math.abs(numeric), Math.abs(analytic)) + floor / h;
      if (error / tolerance < best.ratio) best = { ratio: error / tolerance, error, tolerance, numeric };
      if (best.ratio <= 1) break;
      gaps.push(Math.abs(ahead + behind - 2 * probe.lossValue) / h);
      // On a kink itself, such as a tie of two largest, the slopes of both sides differ however small the step.
      if (gaps.length === STEPS.length && gaps.at(-1)! > Math.max(gaps[0]! / 2, (KINK * floor) / h)) return false;
    }
    if (best.ratio > worst.ratio) worst = { ...best, index, analytic };
    return true;
  };
  const unlearned = probe.unlearned(t);
  const picked = pick(size, samples).filter((i) => !unlearned(i));
  const checked = picked.filter((i) => {
    const scale = Math.max(1, Math.abs(value.data[i]!));
    return look(unravel(i, t.shape), gradient.data[i]!, scale, (h) => {
      const data = Float64Array.from(value.data);
      data[i]! += h;
      return { ...value, data };
    });
  });
  const sign = (k: number): number => (unlearned(k) ? 0 : randomWord(1, STREAM.check, 99, k) & 1 ? 1 : -1);
  let slope = 0;
  for (let k = 0; k < size; k++) slope += sign(k) * gradient.data[k]!;
  look([-1], slope, 1 / Math.sqrt(size), (h) => moved(value, (k) => sign(k) * h));
  return {
    pass: worst.ratio <= 1,
    worstRatio: worst.ratio,
    maxError: worst.error,
    tolerance: worst.tolerance,
    worst: { index: worst.index, analytic: worst.analytic, numeric: worst.numeric },
    checked: checked.length,
    size,
  };
}

function moved(value: NdArray, by: (k: number) => number): NdArray {
  return { ...value, data: Float64Array.from(value.data, (v, k) => v + by(k)) };
}

/** All indices of a small array, else distinct random ones. */
function pick(size: number, samples: number): readonly number[] {
  if (size <= samples) return Array.from({ length: size }, (_, i) => i);
  const found = new Set<number>();
  for (let k = 0; found.size < samples; k++) found.add(randomWord(1, STREAM.check, 98, k) % size);
  return [...found];
}
