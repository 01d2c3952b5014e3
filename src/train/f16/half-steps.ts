import { ChainruleError } from "../../core/errors.ts";
import { type NdArray, zeros } from "../../core/ndarray.ts";
import type { Graph, Tensor } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { storeHalves } from "../../ops/half/convert-graph.ts";
import { lossScale } from "../../ops/half/loss-scale.ts";
import { scaledControl } from "../../ops/half/scaled-control.ts";
import type { ControlAttrs } from "../../ops/step/control.ts";
import { CONTROL, CONTROL_SIZE } from "../../ops/step/control.ts";
import type { RecordAttrs } from "../../ops/step/record.ts";
import { requireParity } from "./parity.ts";
import type { Halves, LossScale } from "./precision.ts";

/** What a step in f16 has that one in f32 has not: this file, and what it imports, is loaded only where a run is in f16. */

export { requireParity, storeHalves };

/**
 * The first scale of a dynamic one, and the good steps after which it doubles. It begins where gradients of most nets are
 * still finite: one that is too large halves within a few steps, one that is too small takes thousands to grow.
 */
const FIRST_SCALE = 2 ** 16;
const GROW_AFTER = 2000;
/** Powers of two that a scale may be: their own inverses are normal numbers of f32 as well. */
const MOST_EXPONENT = 100;

/** Refuses, with the code "usage", a scale that is no power of two: dividing by it would not be exact. */
export function checkLossScale(scale: LossScale): void {
  if (scale === "dynamic") return;
  const exponent = Math.log2(scale);
  if (scale > 0 && Number.isInteger(exponent) && Math.abs(exponent) <= MOST_EXPONENT) return;
  throw new ChainruleError(
    "usage",
    `the loss scale must be "dynamic" or a power of two from 2^-${MOST_EXPONENT} to 2^${MOST_EXPONENT}, so that dividing by it is exact; got ${scale}`,
  );
}

/** control f32 [8] as a run begins: zeros, and the scale of the loss. */
export function firstControl(scale: LossScale): NdArray {
  const control = zeros([CONTROL_SIZE], "f32");
  control.data[CONTROL.scale] = scale === "dynamic" ? FIRST_SCALE : scale;
  return control;
}

/** d loss [1]: `share` of the gradients' scale, which `control` f32 [8] holds. */
export function scaledSeed(g: Graph, control: Tensor, share: number): Tensor {
  return g.one(lossScale, [control], { share }, "d loss");
}

/** The numbers of a step, f32 [8], and its recording by a form of `whole`: from control, cursor, loss, stats and ring. */
export function scaledNumbers(
  g: Graph,
  whole: Op<ControlAttrs & RecordAttrs>,
  inputs: readonly Tensor[],
  attrs: ControlAttrs & RecordAttrs,
  { lossScale: scale }: Halves,
): Tensor {
  const growAfter = scale === "dynamic" ? GROW_AFTER : 0;
  return g.add(scaledControl(whole), inputs, { ...attrs, growAfter }, "control")[0]!;
}
