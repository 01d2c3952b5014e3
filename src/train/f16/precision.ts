import { ChainruleError } from "../../core/errors.ts";

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

/** What only steps in f16 have; see there. */
export type HalfSteps = typeof import("./half-steps.ts");

/** The code of f16 where a run needs it: a page that trains in f32 does without. */
export const halfSteps = async (halves: Halves | null): Promise<HalfSteps | null> =>
  halves && import("./half-steps.ts");

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
