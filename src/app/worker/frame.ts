import type { NdArray } from "../../core/ndarray.ts";
import type { Frame } from "./types.ts";

/** Rows that are looked at: enough for a mean. */
const ROWS = 300;
/** What counts as drawn, of the brightest pixel. */
const INK = 0.2;

/** How the images of a data set lie in their frame. */
export function frameOf(x: NdArray, image: { readonly height: number; readonly width: number }): Frame {
  const { height, width } = image;
  const size = height * width;
  const n = Math.min(ROWS, x.shape[0]!);
  let [extent, centreX, centreY, ink] = [0, 0, 0, 0];
  for (let r = 0; r < n; r++) {
    const pixels = x.data.subarray(r * size, (r + 1) * size);
    const most = (pixels as Float32Array).reduce((a, b) => Math.max(a, b), 1e-9);
    let [mass, mx, my, top, bottom, left, right] = [0, 0, 0, height, 0, width, 0];
    pixels.forEach((v, i) => {
      const [px, py] = [i % width, Math.floor(i / width)];
      mass += v;
      mx += v * (px + 0.5);
      my += v * (py + 0.5);
      if (v < INK * most) return;
      top = Math.min(top, py);
      bottom = Math.max(bottom, py + 1);
      left = Math.min(left, px);
      right = Math.max(right, px + 1);
    });
    extent += Math.max(bottom - top, right - left) / n;
    centreX += mx / Math.max(mass, 1e-9) / n;
    centreY += my / Math.max(mass, 1e-9) / n;
    ink += mass / most / n;
  }
  // A stroke about as long as twice the figure's height leaves this much ink.
  return { extent, centreX, centreY, stroke: Math.max(1, ink / (2.2 * extent)) };
}
