import { ChainruleError } from "../../core/errors.ts";
import type { NdArray } from "../../core/ndarray.ts";
import type { Graph, Tensor } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import type { ControlAttrs } from "../../ops/step/control.ts";
import type { RecordAttrs } from "../../ops/step/record.ts";

/** How the operands of products are stored: weights, activations and gradients. Sums and everything else are f32. */
export type Precision = "f32" | "f16";
export const precisions = ["f32", "f16"] as const satisfies readonly Precision[];

/** What the gradient begins from: a power of two that stays, or one that finds its own value as the run goes. */
export type LossScale = number | "dynamic";

/** Of a run whose products read halves. */
export interface Halves {
  /** By what its gradients are multiplied on their way. */
  readonly lossScale: LossScale;
}

/** What recording a step in f16 takes that one in f32 does not; half-steps.ts has it, and says more. */
export interface HalfSteps {
  storeHalves(g: Graph): void;
  firstControl(scale: LossScale): NdArray;
  scaledSeed(g: Graph, control: Tensor, share: number): Tensor;
  scaledNumbers(
    g: Graph,
    whole: Op<ControlAttrs & RecordAttrs>,
    inputs: readonly Tensor[],
    attrs: ControlAttrs & RecordAttrs,
    halves: Halves,
  ): Tensor;
}

/** What was asked for with defaults filled in, null for f32; half-steps.ts looks at the scale itself. */
export function resolveHalves(precision: Precision = "f32", lossScale?: LossScale): Halves | null {
  if (!precisions.includes(precision)) {
    throw new ChainruleError("usage", `precision must be ${precisions.join(" or ")}, got ${String(precision)}`);
  }
  if (precision === "f16") return { lossScale: lossScale ?? "dynamic" };
  if (lossScale !== undefined) {
    throw new ChainruleError("usage", "a loss scale is for precision f16");
  }
  return null;
}
