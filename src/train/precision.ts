import { ChainruleError } from "../core/errors.ts";
import { type NdArray, zeros } from "../core/ndarray.ts";
import { CONTROL, CONTROL_SIZE } from "../ops/control.ts";

/** How the operands of products are stored: weights, activations and gradients. Sums and everything else are f32. */
export const precisions = ["f32", "f16"] as const;
export type Precision = (typeof precisions)[number];

/** What the gradient begins from: a power of two that stays, or one that finds its own value as the run goes. */
export type LossScale = number | "dynamic";

/** Of a run whose products read halves. */
export interface Halves {
  /** By what its gradients are multiplied on their way. */
  readonly lossScale: LossScale;
}

/**
 * The first scale of a dynamic one, and the good steps after which it doubles. It begins where gradients of most nets are
 * still finite: one that is too large halves within a few steps, one that is too small takes thousands to grow.
 */
const FIRST_SCALE = 2 ** 16;
const GROW_AFTER = 2000;
/** Powers of two that a scale may be: their own inverses are normal numbers of f32 as well. */
const MOST_EXPONENT = 100;

/** What was asked for with defaults filled in, null for f32; refuses what cannot be meant. */
export function resolvePrecision(precision: Precision = "f32", lossScale?: LossScale): Halves | null {
  if (!precisions.includes(precision)) {
    throw new ChainruleError("usage", `precision must be ${precisions.join(" or ")}, got ${String(precision)}`);
  }
  if (precision === "f32" && lossScale !== undefined) {
    throw new ChainruleError("usage", "a loss scale is for precision f16: f32 holds small gradients as they are");
  }
  const scale = lossScale ?? "dynamic";
  if (scale !== "dynamic") {
    const exponent = Math.log2(scale);
    if (!(scale > 0) || !Number.isInteger(exponent) || Math.abs(exponent) > MOST_EXPONENT) {
      throw new ChainruleError(
        "usage",
        `the loss scale must be "dynamic" or a power of two from 2^-${MOST_EXPONENT} to 2^${MOST_EXPONENT}, so that dividing by it is exact; got ${scale}`,
      );
    }
  }
  return precision === "f32" ? null : { lossScale: scale };
}

/** control as a run begins: zeros, and the scale of the loss where there is one. */
export function firstControl(scale: LossScale | null): NdArray {
  const control = zeros([CONTROL_SIZE], "f32");
  if (scale !== null) control.data[CONTROL.scale] = scale === "dynamic" ? FIRST_SCALE : scale;
  return control;
}

/** What the op control needs to know of the scale. */
export function scalingAttrs({ lossScale }: Halves): { readonly growAfter: number } {
  return { growAfter: lossScale === "dynamic" ? GROW_AFTER : 0 };
}
