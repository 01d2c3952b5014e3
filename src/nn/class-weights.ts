import { ChainruleError } from "../core/errors.ts";
import { type NdArray, requireNdArray } from "../core/ndarray.ts";

/**
 * Weights that give every class the same say: n / (classes count), the mean over all rows being 1. A class without a
 * row gets 1. Labels that are `ignoreIndex` are not counted. Throws ChainruleError("data") for a label beyond the classes.
 */
export function balancedClassWeights(labels: NdArray, classes: number, ignoreIndex: number | null = null): number[] {
  const counts = new Array<number>(classes).fill(0);
  requireNdArray(labels, "balancedClassWeights: labels");
  let n = 0;
  for (const label of labels.data) {
    if (label === ignoreIndex) continue;
    if (!(label in counts))
      throw new ChainruleError("data", `balancedClassWeights: label ${label} is outside the ${classes} classes`);
    counts[label]!++;
    n++;
  }
  return counts.map((count) => (count === 0 ? 1 : n / (classes * count)));
}
