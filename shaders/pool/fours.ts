import { flatMain, read, storage, totalOf, write } from "../common.ts";
import { wgsl } from "../wgsl.ts";
import { type AvgForm, span, spanName } from "./avg-pool.ts";
import { owned, poolParams, windowOfIndex } from "./common.ts";
import { rowSpan, takeLarger } from "./max-pool.ts";

/*
 * Pooling where windows stand side by side along a row that is whole fours: two places wide ("pairs": an invocation has two
 * windows, which are one four of each of their rows), or fours themselves ("fours"). `columns` and `kernelColumns` count fours
 * here, `outColumns` and `size` what invocations have. Along the other axis windows lie as they like.
 */
export type FoursForm = "pairs" | "fours";

/** Of two windows at once. */
const isNan = wgsl`
fn isNan(x: vec2<f32>) -> vec2<bool> { return (bitcast<vec2<u32>>(x) & vec2<u32>(0x7fffffffu)) > vec2<u32>(0x7f800000u); }
`;

/** y and index of pairs: places of a row are taken in their order, in both windows at once. */
export function maxPoolPairs(): string {
  return wgsl`
${poolParams.wgsl}
${storage(read("x", "vec4<f32>"), write("y", "vec2<f32>"), write("index", "vec2<i32>"))}
${isNan}
${rowSpan}
${flatMain(wgsl`
${windowOfIndex}
  let ys = span(oy, params.paddingRows, params.kernelRows, params.strideRows, params.dilationRows, params.rows);
  let start = plane * params.rows * params.columns;
  let first = ys.x * params.columns + ox;
  var bestAt = 4u * first + vec2<u32>(0u, 2u);
  var best = x[start + first].xz;
  var broken = isNan(best);
  for (var iy = ys.x; iy < ys.y; iy += params.dilationRows) {
    let four = iy * params.columns + ox;
    let v = x[start + four];
    { ${takeLarger("v.xz", "4u * four + vec2<u32>(0u, 2u)")} }
    { ${takeLarger("v.yw", "4u * four + vec2<u32>(1u, 3u)")} }
  }
  y[i] = best;
  index[i] = vec2<i32>(bestAt);
`)}
`;
}

const ownedRows = "owned(oy, params.paddingRows, params.strideRows, params.outRows, params.rows)";

/** dx of pairs, where no place belongs to two windows: an invocation writes all fours up to the next windows below. */
export function maxPoolGradientPairs(): string {
  return wgsl`
${poolParams.wgsl}
${storage(read("dy", "vec2<f32>"), read("index", "vec2<i32>"), write("dx", "vec4<f32>"))}
${owned}
${flatMain(wgsl`
${windowOfIndex}
  let ys = ${ownedRows};
  let start = plane * params.rows * params.columns;
  let at = vec2<u32>(index[i]).xxyy;
  let d = dy[i].xxyy;
  for (var iy = ys.x; iy < ys.y; iy++) {
    let four = iy * params.columns + ox;
    dx[start + four] = select(vec4<f32>(), d, 4u * four + vec4<u32>(0u, 1u, 2u, 3u) == at);
  }
`)}
`;
}

/** Rows of a window, as `span` gives them, and what its sum is divided by. */
const rowsOf = (form: AvgForm): string => wgsl`
  let inY = ${spanName(form)}(oy, params.paddingRows, params.kernelRows, params.strideRows, params.rows, params.outRows);
`;
const divisor = (of: FoursForm): string => `f32(inY.z * ${of === "pairs" ? "2u" : "4u * params.kernelColumns"})`;

/** y, an invocation a window, or a pair of them. */
export function avgPoolFours(form: AvgForm, of: FoursForm): string {
  return wgsl`
${poolParams.wgsl}
${storage(read("x", "vec4<f32>"), write("y", of === "pairs" ? "vec2<f32>" : "f32"))}
${span(form)}
${flatMain(wgsl`
${windowOfIndex}
${rowsOf(form)}
  let start = plane * params.rows * params.columns + ox * params.kernelColumns;
#if ${of === "pairs"}
  var sum = vec2<f32>();
  for (var iy = inY.x; iy < inY.y; iy++) {
    let v = x[start + iy * params.columns];
    sum = sum + v.xz + v.yw;
  }
  y[i] = sum / ${divisor(of)};
#else
  var sum = vec4<f32>();
  for (var iy = inY.x; iy < inY.y; iy++) {
    for (var q = 0u; q < params.kernelColumns; q++) { sum += x[start + iy * params.columns + q]; }
  }
  y[i] = (${totalOf(true, "sum")}) / ${divisor(of)};
#endif
`)}
`;
}

/** dx, where no place belongs to two windows: an invocation writes all fours up to the next windows below. */
export function avgPoolGradientFours(form: AvgForm, of: FoursForm): string {
  return wgsl`
${poolParams.wgsl}
${storage(read("dy", of === "pairs" ? "vec2<f32>" : "f32"), write("dx", "vec4<f32>"))}
${span(form)}
${owned}
${flatMain(wgsl`
${windowOfIndex}
${rowsOf(form)}
  let ys = ${ownedRows};
  let start = plane * params.rows * params.columns + ox * params.kernelColumns;
  let d = dy[i] / ${divisor(of)};
  for (var iy = ys.x; iy < ys.y; iy++) {
    let share = select(vec4<f32>(), ${of === "pairs" ? "d.xxyy" : "vec4<f32>(d)"}, (iy >= inY.x) & (iy < inY.y));
    for (var q = 0u; q < params.kernelColumns; q++) { dx[start + iy * params.columns + q] = share; }
  }
`)}
`;
}
