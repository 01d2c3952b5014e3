import { type NdArray, ndarray, sizeOf } from "../../core/ndarray.ts";
import type { ClassLayout } from "../../nn/shapes.ts";

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

/** Outputs [n, values] as logits [n places, classes]: those of each place side by side. */
export function logitsByPlace({ data }: NdArray, { classes, places, last }: ClassLayout): NdArray {
  const each = sizeOf(places);
  const shape = [data.length / classes, classes];
  if (last) return ndarray(shape, "f32", data);
  const at = (i: number): number => {
    const [place, row] = [Math.floor(i / classes) % each, Math.floor(i / (classes * each))];
    return data[(row * classes + (i % classes)) * each + place]!;
  };
  return ndarray(
    shape,
    "f32",
    Float32Array.from(data, (_, i) => at(i)),
  );
}
