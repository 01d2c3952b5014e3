import { readFileSync } from "node:fs";
import { type NdArray, ndarray } from "../../src/core/ndarray.ts";
import { transpose } from "../../src/io/weights/transpose.ts";

/** The tables that PyTorch made; test/fixtures/torch/README.md says how. */
export interface TorchArray {
  readonly shape: readonly number[];
  readonly data: readonly number[];
  readonly dtype?: "f32" | "i32";
}

export function table<T>(name: string): readonly T[] {
  return JSON.parse(readFileSync(new URL(`../fixtures/torch/${name}.json`, import.meta.url), "utf8"));
}

/** As f64, or as the class indices that it is. */
export function toArray(a: TorchArray): NdArray {
  return ndarray(a.shape, a.dtype === "i32" ? "i32" : "f64", a.data);
}

/** Parameters under our layout: W [in, out]. */
export function toParameters(weights: Readonly<Record<string, TorchArray>>): Map<string, NdArray> {
  return new Map(
    Object.entries(weights).map(([name, a]) => [name, a.shape.length === 2 ? transpose(toArray(a)) : toArray(a)]),
  );
}

/** ||computed - exact|| / max(||exact||, floor) */
export function normError(computed: ArrayLike<number>, exact: ArrayLike<number>, floor = 1e-30): number {
  let error = 0;
  let size = 0;
  for (let i = 0; i < exact.length; i++) {
    error += (computed[i]! - exact[i]!) ** 2;
    size += exact[i]! ** 2;
  }
  return Math.sqrt(error) / Math.max(Math.sqrt(size), floor);
}
