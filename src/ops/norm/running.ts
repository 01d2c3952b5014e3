import { batchNormRunning, batchNormRunningParams } from "../../../shaders/norm/batch-norm.ts";
import type { NdArray } from "../../core/ndarray.ts";
import type { TensorSpec } from "../../graph/graph.ts";
import type { Launch } from "../../graph/op.ts";
import { output, scratch } from "../shared/dispatch-plan.ts";
import { channelsOf } from "./channels.ts";

/** Settings of batchNorm. */
export interface BatchNormAttrs {
  /** Added to each channel's variance before the root. */
  readonly eps: number;
  /** Share of this batch in the new running statistics; null: they are the mean over all batches. */
  readonly momentum: number | null;
}

/** Running statistics of batch normalisation, [2 c + 1]: means, unbiased variances, batches so far. */

/** Moves them to those of a batch of `count` values a channel, in place; a batch that is not finite is left out whole. */
export function moveRunning(
  running: NdArray,
  mean: NdArray,
  variance: ArrayLike<number>,
  count: number,
  momentum: number | null,
): void {
  const c = mean.data.length;
  const finite = mean.data.every((m, k) => Number.isFinite(m) && Number.isFinite(variance[k]));
  if (!finite) return;
  const factor = momentum ?? 1 / (running.data[2 * c]! + 1);
  for (let k = 0; k < c; k++) {
    running.data[k] = (1 - factor) * running.data[k]! + factor * mean.data[k]!;
    const unbiased = (variance[k]! * count) / (count - 1);
    running.data[c + k] = (1 - factor) * running.data[c + k]! + factor * unbiased;
  }
  running.data[2 * c]! += 1;
}

/** What the kernels are given for the momentum: below 0 stands for the mean of all batches. */
export const momentumNumber = (momentum: number | null): number => momentum ?? -1;

/** The launch that moves them: mean is output 1, running output 3, the sums of squared distances scratch 0. */
export function runningLaunch(x: TensorSpec, momentum: number | null): Launch {
  const { n, channels, places } = channelsOf(x.shape);
  return {
    code: batchNormRunning(),
    params: batchNormRunningParams.pack({ channels, count: n * places, momentum: momentumNumber(momentum) }),
    bindings: [{ ...output(1), access: "read" }, scratch(0, "read"), output(3)],
    workgroups: [1, 1, 1],
  };
}
