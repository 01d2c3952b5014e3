import { type NdArray, ndarray } from "../../core/ndarray.ts";

/**
 * Cosines and sines [t, d] of the angles of each step: the first half of a row the cosines of step / base^(2 i / d) for each
 * pair i, the second half the sines. In f64, since WGSL's own are off by 2e-4.
 */
export function rotaryTable(t: number, d: number, base: number): NdArray {
  const half = d / 2;
  const values = Float64Array.from({ length: t * d }, (_, at) => {
    const angle = Math.floor(at / d) / base ** ((2 * (at % half)) / d);
    return at % d < half ? Math.cos(angle) : Math.sin(angle);
  });
  return ndarray([t, d], "f64", values);
}
