import type { NdArray } from "../../core/ndarray.ts";
import { zeros } from "../../core/ndarray.ts";

/** Unit roundoff of f32. */
export const U = 2 ** -24;
/** Smallest normal f32: a device may flush what is smaller to zero. */
export const TINY = 2 ** -126;

/** gamma_n = n u / (1 - n u): relative error of n roundings in a row. Higham, Accuracy and Stability, ch. 3. */
export function gamma(n: number): number {
  return (n * U) / (1 - n * U);
}

/** Bound of element i, where null stands for an exact array. */
export function errorAt(errors: NdArray | null | undefined, i: number): number {
  return errors ? errors.data[i]! : 0;
}

/** An f64 array to hold bounds for `value`. */
export function boundLike(value: NdArray): NdArray {
  return zeros(value.shape, "f64");
}

/** Bound arrays for outputs that are exact copies of the inputs' bits: the errors pass through `pick`. */
export function movedErrors(value: NdArray, pick: (i: number) => number): NdArray {
  const out = boundLike(value);
  for (let i = 0; i < out.data.length; i++) out.data[i] = pick(i);
  return out;
}

/** Output array for a reference: floats take the element type of `like`. */
export function floatLike(like: NdArray, shape: readonly number[]): NdArray {
  return zeros(shape, like.dtype === "f64" ? "f64" : "f32");
}
