import type { NdArray } from "../../core/ndarray.ts";
import { floatLike } from "../shared/rounding.ts";
import type { ConvDims } from "./geometry.ts";

/**
 * Every product that a convolution adds up, once, in a fixed order: y[i] has the term x[j] w[k]. The three ops are sums over
 * the same terms, each of the two factors that it is given. What lies in the padding is no term.
 */
export function eachTerm(dims: ConvDims, visit: (y: number, x: number, w: number) => void): void {
  const { n, c, out, cGroup, outGroup, rows, columns } = dims;
  for (let image = 0; image < n; image++) {
    for (let o = 0; o < out; o++) {
      const y0 = (image * out + o) * rows.y * columns.y;
      for (let inGroup = 0; inGroup < cGroup; inGroup++) {
        const channel = Math.floor(o / outGroup) * cGroup + inGroup;
        const x0 = (image * c + channel) * rows.x * columns.x;
        const w0 = (o * cGroup + inGroup) * rows.kernel * columns.kernel;
        for (let kr = 0; kr < rows.kernel; kr++) {
          for (let kc = 0; kc < columns.kernel; kc++) {
            for (let yr = 0; yr < rows.y; yr++) {
              const xr = yr * rows.stride + kr * rows.dilation - rows.before;
              if (xr < 0 || xr >= rows.x) continue;
              for (let yc = 0; yc < columns.y; yc++) {
                const xc = yc * columns.stride + kc * columns.dilation - columns.before;
                if (xc < 0 || xc >= columns.x) continue;
                visit(y0 + yr * columns.y + yc, x0 + xr * columns.x + xc, w0 + kr * columns.kernel + kc);
              }
            }
          }
        }
      }
    }
  }
}

/** The sums, in f64, as an array of the element type that `like` asks for. */
export function summed(like: NdArray, shape: readonly number[], add: (sums: Float64Array) => void): NdArray {
  const result = floatLike(like, shape);
  const sums = new Float64Array(result.data.length);
  add(sums);
  result.data.set(sums);
  return result;
}
