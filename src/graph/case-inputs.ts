import { roundToHalf } from "../core/half.ts";
import { type NdArray, ndarray, sizeOf } from "../core/ndarray.ts";
import { normals, randomWord, STREAM, uniforms } from "../core/philox.ts";
import type { CaseInput, OpCase } from "./op.ts";

/** The arrays of a case, drawn from a seed: f32 and integer values that host and device hold alike. */
export function caseInputs(c: OpCase<unknown>, seed: number): NdArray[] {
  return c.inputs.map((spec, i) => draw(spec, seed * 64 + i));
}

function draw(spec: CaseInput, step: number): NdArray {
  const size = sizeOf(spec.shape);
  const fill = spec.fill ?? "normal";
  const scale = spec.scale ?? 1;
  const seed = 12345;
  if (Array.isArray(fill)) {
    return ndarray(spec.shape, spec.dtype, spec.dtype === "f16" ? fill.map(roundToHalf) : fill);
  }
  let values: ArrayLike<number>;
  if (fill === "classes") {
    values = Array.from({ length: size }, (_, i) => randomWord(seed, STREAM.check, step, i) % spec.below!);
  } else if (fill === "integers") {
    values = Array.from({ length: size }, (_, i) => (randomWord(seed, STREAM.check, step, i) % 9) - 4);
  } else if (fill === "unit") {
    values = uniforms(seed, STREAM.check, step, size);
  } else if (fill === "positive") {
    values = uniforms(seed, STREAM.check, step, size, 0.01 * scale, scale);
  } else if (fill === "zeros") {
    values = new Float32Array(size);
  } else {
    values = normals(seed, STREAM.check, step, size).map((v) => v * scale);
  }
  const array = ndarray(spec.shape, spec.dtype, values);
  const through = spec.through ? spec.through(array) : array;
  if (spec.dtype !== "f16") return through;
  return ndarray(spec.shape, "f16", Float32Array.from(through.data, roundToHalf));
}
