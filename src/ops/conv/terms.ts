import type { NdArray } from "../../core/ndarray.ts";
import { floatLike } from "../shared/rounding.ts";
import type { Axis, ConvDims } from "./geometry.ts";

/**
 * `count` terms along a line of places: y[y + i] has the term x[x + i step] w[w]. Where `outs` is more than 1, so have the
 * next channels of y, a plane further on each, with the w of each.
 */
type Run = (y: number, x: number, w: number, count: number, step: number, outs: number) => void;

/** The places of y [first, end) at which element `k` of the kernel lies on x, and not in the padding. */
function placesOn({ x, y, stride, dilation, before }: Axis, k: number): readonly [first: number, end: number] {
  const shift = k * dilation - before;
  const first = Math.max(0, Math.ceil(-shift / stride));
  return [first, Math.max(first, Math.min(y, Math.floor((x - 1 - shift) / stride) + 1))];
}

/**
 * Every product that a convolution adds up, once, in a fixed order, line by line. The three ops are sums over the same
 * terms, each of the two factors that it is given. What lies in the padding is no term. Up to `together` channels of y are
 * visited at once.
 */
export function eachRun(dims: ConvDims, visit: Run, together = 1): void {
  const { n, c, out, cGroup, outGroup, rows, columns } = dims;
  const down = Array.from({ length: rows.kernel }, (_, k) => placesOn(rows, k));
  const across = Array.from({ length: columns.kernel }, (_, k) => placesOn(columns, k));
  for (let image = 0; image < n; image++) {
    for (let o = 0, outs = 1; o < out; o += outs) {
      outs = Math.min(together, outGroup - (o % outGroup));
      const y0 = (image * out + o) * rows.y * columns.y;
      for (let inGroup = 0; inGroup < cGroup; inGroup++) {
        const channel = Math.floor(o / outGroup) * cGroup + inGroup;
        const x0 = (image * c + channel) * rows.x * columns.x;
        const w0 = (o * cGroup + inGroup) * rows.kernel * columns.kernel;
        for (let kr = 0; kr < rows.kernel; kr++) {
          const [top, bottom] = down[kr]!;
          for (let kc = 0; kc < columns.kernel; kc++) {
            const [left, right] = across[kc]!;
            if (left === right) continue;
            const x1 = x0 + left * columns.stride + kc * columns.dilation - columns.before;
            for (let yr = top; yr < bottom; yr++) {
              const xr = yr * rows.stride + kr * rows.dilation - rows.before;
              const y = y0 + yr * columns.y + left;
              visit(y, x1 + xr * columns.x, w0 + kr * columns.kernel + kc, right - left, columns.stride, outs);
            }
          }
        }
      }
    }
  }
}

/** Channels of y whose sums are taken at once: each number of x is then read once for all of them. */
const TOGETHER = 4;

/** y as sums: each element's terms are added in the order of `eachRun`. */
export function addForward(dims: ConvDims, x: Float64Array, w: Float64Array, sums: Float64Array): void {
  const plane = dims.rows.y * dims.columns.y;
  const kernel = dims.cGroup * dims.rows.kernel * dims.columns.kernel;
  const visit: Run = (y, j, k, count, step, outs) => {
    if (outs < TOGETHER) {
      for (let o = 0; o < outs; o++) {
        const factor = w[k + o * kernel]!;
        for (let i = 0; i < count; i++) sums[y + o * plane + i]! += x[j + i * step]! * factor;
      }
      return;
    }
    const [w0, w1, w2, w3] = [w[k]!, w[k + kernel]!, w[k + 2 * kernel]!, w[k + 3 * kernel]!];
    for (let at = y, from = j; at < y + count; at++, from += step) {
      const v = x[from]!;
      sums[at]! += v * w0;
      sums[at + plane]! += v * w1;
      sums[at + 2 * plane]! += v * w2;
      sums[at + 3 * plane]! += v * w3;
    }
  };
  eachRun(dims, visit, TOGETHER);
}

/** Numbers as f64, whatever holds them: loops over one kind of array are several times as fast. */
export const doubles = ({ data }: NdArray): Float64Array =>
  data instanceof Float64Array ? data : Float64Array.from(data);

/** The sums, in f64, as an array of the element type that `like` asks for. */
export function summed(like: NdArray, shape: readonly number[], add: (sums: Float64Array) => void): NdArray {
  const result = floatLike(like, shape);
  const sums = new Float64Array(result.data.length);
  add(sums);
  result.data.set(sums);
  return result;
}
