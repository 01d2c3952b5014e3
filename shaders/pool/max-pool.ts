import { finiteTests, flatMain, read, storage, write } from "../common.ts";
import { wgsl } from "../wgsl.ts";
import { owned, placeOfIndex, poolParams, reaching, windowOfIndex } from "./common.ts";

/**
 * One more value of a window: the first of the largest stays, and NaN is larger than any number. By flags, since a
 * compiler may assume that no NaN is compared; without `&&`, which is a branch, and is written out many times on the chip.
 */
export const takeLarger = (value: string, place: string): string =>
  `let value = ${value}; let nan = isNan(value); let larger = nan | ((value > best) & !broken);
   best = select(best, value, larger); bestAt = select(bestAt, ${place}, larger); broken = broken | nan;`;

/** First place of a window along an axis, and where it ends: places of the padding are passed by. */
export const rowSpan = wgsl`
fn span(o: u32, padding: u32, kernel: u32, stride: u32, dilation: u32, size: u32) -> vec2<u32> {
  let begin = o * stride;
  let skipped = (max(padding, begin) - begin + dilation - 1u) / dilation * dilation;
  return vec2<u32>(begin + skipped - padding, min(begin + dilation * (kernel - 1u) + 1u - padding, size));
}
`;

/** y and index, an invocation a window. */
export function maxPool(): string {
  return wgsl`
${poolParams.wgsl}
${storage(read("x"), write("y"), write("index", "i32"))}
${finiteTests}
${rowSpan}
${flatMain(wgsl`
${windowOfIndex}
  let ys = span(oy, params.paddingRows, params.kernelRows, params.strideRows, params.dilationRows, params.rows);
  let xs = span(
    ox, params.paddingColumns, params.kernelColumns, params.strideColumns, params.dilationColumns, params.columns);
  let start = plane * params.rows * params.columns;
  var bestAt = ys.x * params.columns + xs.x;
  var best = x[start + bestAt];
  var broken = isNan(best);
  for (var iy = ys.x; iy < ys.y; iy += params.dilationRows) {
    for (var ix = xs.x; ix < xs.y; ix += params.dilationColumns) {
      let place = iy * params.columns + ix;
      ${takeLarger("x[start + place]", "place")}
    }
  }
  y[i] = best;
  index[i] = i32(bestAt);
`)}
`;
}

/** dx, an invocation a place of x, which looks at the windows that reach it. */
export function maxPoolGradientGather(): string {
  return wgsl`
${poolParams.wgsl}
${storage(read("dy"), read("index", "i32"), write("dx"))}
${reaching}
${flatMain(wgsl`
${placeOfIndex}
  let ys = reaching(
    iy, params.paddingRows, params.dilationRows * (params.kernelRows - 1u) + 1u, params.strideRows, params.outRows);
  let xs = reaching(
    ix, params.paddingColumns, params.dilationColumns * (params.kernelColumns - 1u) + 1u, params.strideColumns,
    params.outColumns);
  let place = i32(iy * params.columns + ix);
  var sum = 0.0;
  for (var oy = ys.x; oy < ys.y; oy++) {
    for (var ox = xs.x; ox < xs.y; ox++) {
      let o = (plane * params.outRows + oy) * params.outColumns + ox;
      sum += select(0.0, dy[o], index[o] == place);
    }
  }
  dx[i] = sum;
`)}
`;
}

/** dx where no place belongs to two windows: an invocation a window writes all places up to the next. */
export function maxPoolGradientApart(): string {
  return wgsl`
${poolParams.wgsl}
${storage(read("dy"), read("index", "i32"), write("dx"))}
${owned}
${flatMain(wgsl`
${windowOfIndex}
  let ys = owned(oy, params.paddingRows, params.strideRows, params.outRows, params.rows);
  let xs = owned(ox, params.paddingColumns, params.strideColumns, params.outColumns, params.columns);
  let start = plane * params.rows * params.columns;
  let at = u32(index[i]);
  let d = dy[i];
  for (var iy = ys.x; iy < ys.y; iy++) {
    for (var ix = xs.x; ix < xs.y; ix++) {
      let place = iy * params.columns + ix;
      dx[start + place] = select(0.0, d, place == at);
    }
  }
`)}
`;
}
