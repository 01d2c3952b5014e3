import { flatMain, read, storage, write } from "../common.ts";
import { wgsl } from "../wgsl.ts";
import { owned, placeOfIndex, poolParams, reaching, windowOfIndex } from "./common.ts";

/** How windows lie and what they are divided by; "adaptive" ones follow from the sizes alone. */
export type AvgForm = "inside" | "padded" | "adaptive";

/**
 * First place of a window along an axis, where it ends, and what its sum is divided by: its places in the input, or those
 * in the padded input, which a window that `ceil` lets past the padding has fewer of.
 */
export const span = (form: AvgForm): string => wgsl`
fn ${spanName(form)}(o: u32, padding: u32, kernel: u32, stride: u32, size: u32, out: u32) -> vec3<u32> {
#if ${form === "adaptive"}
  let begin = o * size / out;
  let end = ((o + 1u) * size + out - 1u) / out;
  return vec3<u32>(begin, end, end - begin);
#else
  let first = o * stride;
  let last = min(first + kernel, size + 2u * padding);
  let begin = max(first, padding) - padding;
  let end = min(last - padding, size);
#if ${form === "padded"}
  return vec3<u32>(begin, end, last - first);
#else
  return vec3<u32>(begin, end, end - begin);
#endif
#endif
}
`;

/** The function that `span` declares. */
export const spanName = (form: AvgForm): string => `${form}Span`;

const axis = (form: AvgForm, o: string, name: "Rows" | "Columns"): string =>
  `${spanName(form)}(${o}, params.padding${name}, params.kernel${name}, params.stride${name}, params.${name.toLowerCase()}, params.out${name})`;

/** y, an invocation a window. */
export function avgPool(form: AvgForm): string {
  return wgsl`
${poolParams.wgsl}
${storage(read("x"), write("y"))}
${span(form)}
${flatMain(wgsl`
${windowOfIndex}
  let ys = ${axis(form, "oy", "Rows")};
  let xs = ${axis(form, "ox", "Columns")};
  let start = plane * params.rows * params.columns;
  var sum = 0.0;
  for (var iy = ys.x; iy < ys.y; iy++) {
    for (var ix = xs.x; ix < xs.y; ix++) { sum += x[start + iy * params.columns + ix]; }
  }
  y[i] = sum / f32(ys.z * xs.z);
`)}
`;
}

/** The windows that reach a place, of the adaptive form. */
const reachingAdaptive = wgsl`
fn reaching(place: u32, size: u32, out: u32) -> vec2<u32> {
  return vec2<u32>(place * out / size, ((place + 1u) * out + size - 1u) / size);
}
`;

/** dx, an invocation a place of x, which looks at the windows that reach it. */
export function avgPoolGradientGather(form: AvgForm): string {
  return wgsl`
${poolParams.wgsl}
${storage(read("dy"), write("dx"))}
${span(form)}
${form === "adaptive" ? reachingAdaptive : reaching}
${flatMain(wgsl`
${placeOfIndex}
#if ${form === "adaptive"}
  let ys = reaching(iy, params.rows, params.outRows);
  let xs = reaching(ix, params.columns, params.outColumns);
#else
  let ys = reaching(iy, params.paddingRows, params.kernelRows, params.strideRows, params.outRows);
  let xs = reaching(ix, params.paddingColumns, params.kernelColumns, params.strideColumns, params.outColumns);
#endif
  var sum = 0.0;
  for (var oy = ys.x; oy < ys.y; oy++) {
    let divisor = ${axis(form, "oy", "Rows")}.z;
    for (var ox = xs.x; ox < xs.y; ox++) {
      let count = divisor * ${axis(form, "ox", "Columns")}.z;
      sum += dy[(plane * params.outRows + oy) * params.outColumns + ox] / f32(count);
    }
  }
  dx[i] = sum;
`)}
`;
}

/** dx where no place belongs to two windows: an invocation a window writes all places up to the next. */
export function avgPoolGradientApart(form: Exclude<AvgForm, "adaptive">): string {
  return wgsl`
${poolParams.wgsl}
${storage(read("dy"), write("dx"))}
${span(form)}
${owned}
${flatMain(wgsl`
${windowOfIndex}
  let ys = owned(oy, params.paddingRows, params.strideRows, params.outRows, params.rows);
  let xs = owned(ox, params.paddingColumns, params.strideColumns, params.outColumns, params.columns);
  let inY = ${axis(form, "oy", "Rows")};
  let inX = ${axis(form, "ox", "Columns")};
  let start = plane * params.rows * params.columns;
  let d = dy[i] / f32(inY.z * inX.z);
  for (var iy = ys.x; iy < ys.y; iy++) {
    let inside = iy >= inY.x && iy < inY.y;
    for (var ix = xs.x; ix < xs.y; ix++) {
      dx[start + iy * params.columns + ix] = select(0.0, d, inside && ix >= inX.x && ix < inX.y);
    }
  }
`)}
`;
}
