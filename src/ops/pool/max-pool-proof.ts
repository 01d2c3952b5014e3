import type { NdArray } from "../../core/ndarray.ts";
import type { CaseInput, Proof } from "../../graph/op.ts";
import { boundLike, errorAt, gamma, TINY } from "../shared/rounding.ts";
import type { MaxPoolAttrs } from "./geometry.ts";
import { eachPlace, gradientDims, type MaxPoolGradientAttrs, maxDims, maxPool as op, planeSize } from "./max-pool.ts";
import { settings } from "./pool-cases.ts";

/** Errors up to this are those of subnormals, which a device may take for zero: they change no order. */
const FLUSHED = 2 ** 20 * TINY;

export const maxPool: Proof<MaxPoolAttrs> = {
  /**
   * The largest moves by no more than what it is off itself, and what others may rise above it. The index may be that of any
   * place that may be the largest: its bound is how far from the exact one such a place lies.
   */
  bound([x], [ex], [y, index], attrs) {
    const dims = maxDims([x!], attrs);
    const out = { y: boundLike(y!), index: boundLike(index!) };
    eachPlace(dims, (o, place, plane) => {
      const at = plane * planeSize(dims);
      const chosen = index!.data[o]!;
      const [e, own] = [errorAt(ex, at + place), errorAt(ex, at + chosen)];
      const rise = x!.data[at + place]! + e - y!.data[o]!;
      out.y.data[o] = Math.max(out.y.data[o]!, own + TINY, rise + TINY);
      if (place === chosen || e + own <= FLUSHED || rise + own < 0) return;
      out.index.data[o] = Math.max(out.index.data[o]!, Math.abs(place - chosen));
    });
    return [out.y, out.index];
  },
  cases: [
    ...settings().map(({ name, shape, attrs }) => ({ name, inputs: [{ shape, dtype: "f32" as const }], attrs })),
    // Many ties, of which the first counts.
    ...settings().map(({ name, shape, attrs }) => ({
      name: `${name}, ties`,
      inputs: [{ shape, dtype: "f32" as const, fill: "integers" as const, scale: 1 }],
      attrs,
    })),
  ],
};

export const maxPoolGradient: Proof<MaxPoolGradientAttrs> = {
  /** Where the index may be another, every place of the window that it may name may be given dy, or not. */
  bound([dy, index], [edy, eindex], [dx], attrs) {
    const dims = gradientDims([dy!], attrs);
    const out = boundLike(dx!);
    const sizes = new Float64Array(out.data.length);
    const terms = new Float64Array(out.data.length);
    eachPlace(dims, (o, place, plane) => {
      const distance = Math.abs(place - index!.data[o]!);
      const unsure = errorAt(eindex, o);
      if (distance > unsure) return;
      const i = plane * planeSize(dims) + place;
      const size = Math.abs(dy!.data[o]!);
      out.data[i]! += errorAt(edy, o) + (unsure > 0 ? size : 0);
      sizes[i]! += size;
      terms[i]!++;
    });
    for (let i = 0; i < sizes.length; i++) {
      out.data[i] =
        out.data[i]! + (terms[i]! > 1 ? gamma(terms[i]!) * (sizes[i]! + out.data[i]!) : 0) + terms[i]! * TINY;
    }
    return [out];
  },
  cases: settings().map(({ name, shape, attrs }) => {
    const x: NdArray = { shape, dtype: "f32", data: ramp(shape) };
    const index = op.reference([x], attrs)[1]!;
    const dy: CaseInput = { shape: index.shape, dtype: "f32" };
    const at: CaseInput = { shape: index.shape, dtype: "i32", fill: Array.from(index.data) };
    return { name, inputs: [dy, at], attrs: { ...attrs, places: shape.slice(2) } };
  }),
};

/** Numbers without order: a window's largest may be anywhere in it. */
function ramp(shape: readonly number[]): Float32Array {
  const size = shape.reduce((a, b) => a * b, 1);
  return Float32Array.from({ length: size }, (_, i) => (i * 37 + 11) % 101);
}
