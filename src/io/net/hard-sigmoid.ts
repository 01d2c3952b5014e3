import type { Parts } from "./branch.ts";

/** Constants are written with seven digits. */
const TOLERANCE = 1e-6;

/**
 * What clips alpha x + beta to [0, 1]. Here it is x / 6 + 1/2, as PyTorch and Keras 3 have it; of another one the numbers
 * go into the layer before.
 */
export function addHardSigmoid(parts: Pick<Parts, "add" | "affine">, alpha: number, beta: number, where: string): void {
  if (Math.abs(alpha - 1 / 6) > TOLERANCE || Math.abs(beta - 0.5) > TOLERANCE) {
    parts.affine({ scale: Float64Array.of(6 * alpha), shift: Float64Array.of(6 * (beta - 0.5)) }, where);
  }
  parts.add({ type: "hardSigmoid" }, where);
}
