import type { NdArray } from "../../core/ndarray.ts";

/** Probabilities of the classes in row i of outputs: one output is the logit of the second of two classes. */
export function probabilities(outputs: NdArray, i: number): Float32Array {
  const width = outputs.shape[1]!;
  const row = outputs.data.subarray(i * width, (i + 1) * width);
  const logits = width === 1 ? [0, row[0]!] : [...row];
  const top = Math.max(...logits);
  const powers = logits.map((v) => Math.exp(v - top));
  const sum = powers.reduce((a, b) => a + b, 0);
  return Float32Array.from(powers, (v) => v / sum);
}
