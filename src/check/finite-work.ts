import type { Tensor } from "../graph/graph.ts";
import type { ModelSpec } from "../nn/model-spec.ts";
import { multiplyAdds } from "../nn/shapes.ts";

/** How many elements of a gradient are held against differences of the loss; null for none, and no direction either. */
export type FinitePlan = (gradient: Tensor) => number | null;

/** Multiplications that finite differences of one tensor may cost. */
const WORK_PER_TENSOR = 1.5e8;
/** Elements looked at one by one: all of a small net's. */
const MOST_SAMPLES = 64;

/** More elements one by one where the net is small. */
function samplesFor(work: number, each: number): number {
  return Math.min(MOST_SAMPLES, Math.floor(work / (2 * each)));
}

/**
 * Shares `work` multiplications, in all, among the gradients; with null each tensor has its own. Where that is too little
 * for a direction and one element of every value's gradient, only parameters are looked at, and each at least along a
 * direction; with 0 nothing is.
 */
export function planFinite(
  model: ModelSpec,
  rows: number,
  gradients: Iterable<Tensor>,
  parameters: ReadonlySet<Tensor>,
  work: number | null,
): FinitePlan {
  const each = rows * (1 + multiplyAdds(model));
  if (work === null) {
    const samples = Math.max(4, samplesFor(WORK_PER_TENSOR, each));
    return () => samples;
  }
  if (work === 0) return () => null;
  // The direction is one more.
  const share = (among: number): number => samplesFor(work / among, each) - 1;
  const samples = share([...gradients].length);
  if (samples >= 1) return () => samples;
  const ofParameters = Math.max(0, share(parameters.size));
  return (gradient) => (parameters.has(gradient) ? ofParameters : null);
}
