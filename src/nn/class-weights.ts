import type { NdArray } from "../core/ndarray.ts";

/**
 * Weights that give every class the same say: n / (classes count), the mean over all rows being 1. A class without a
 * row gets 1.
 */
export function balancedClassWeights(labels: NdArray, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const label of labels.data) counts[label]!++;
  return counts.map((count) => (count === 0 ? 1 : labels.data.length / (classes * count)));
}
