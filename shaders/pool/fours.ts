import { finiteTests, flatMain, read, storage, totalOf, write } from "../common.ts";
import { wgsl } from "../wgsl.ts";
import { type AvgForm, span, spanName } from "./avg-pool.ts";
import { owned, poolParams, windowOfIndex } from "./common.ts";
import { rowSpan, takeLarger } from "./max-pool.ts";

/*
 * Pooling where windows stand side by side along a row that is whole fours: two places wide ("pairs": an invocation has two
 * windows, which are one four of each of their rows), or fours themselves ("fours"). In rows that are whole twos an invocation
 * has one window two places wide ("twos"). `columns` and `kernelColumns` count fours here, or twos, `outColumns` and `size` what
 * invocations have. Along the other axis windows lie as they like.
 */
export type FoursForm = "pairs" | "fours" | "twos";

/** What an invocation has of windows that are two places wide. */
interface Two {
  /** Types of places, windows and their indices. */
  readonly x: "vec4<f32>" | "vec2<f32>";
  readonly y: "vec2<f32>" | "f32";
  readonly index: "vec2<i32>" | "i32";
  /** Lanes of the windows' left and of their right places, and of the windows' for each place. */
  readonly left: string;
  readonly right: string;
  readonly spread: (windows: string) => string;
  /** Places of windows' left or right one in a row, from the four's, or the two's. */
  readonly place: (at: string, right: 0 | 1) => string;
  /** All places. */
  readonly places: (at: string) => string;
}
const TWO: Readonly<Record<"pairs" | "twos", Two>> = {
  pairs: {
    ...{ x: "vec4<f32>", y: "vec2<f32>", index: "vec2<i32>", left: "xz", right: "yw" },
    spread: (windows) => `${windows}.xxyy`,
    place: (at, right) => `4u * ${at} + vec2<u32>(${right}u, ${right + 2}u)`,
    places: (at) => `4u * ${at} + vec4<u32>(0u, 1u, 2u, 3u)`,
  },
  twos: {
    ...{ x: "vec2<f32>", y: "f32", index: "i32", left: "x", right: "y" },
    spread: (window) => `vec2<f32>(${window})`,
    place: (at, right) => `2u * ${at} + ${right}u`,
    places: (at) => `2u * ${at} + vec2<u32>(0u, 1u)`,
  },
};

/** What there is of it where an invocation has a window of fours. */
const FOURS = {
  ...({ x: "vec4<f32>", y: "f32", left: "", right: "" } as const),
  spread: (window: string) => `vec4<f32>(${window})`,
};

/** Of two windows at once. */
const isNan = wgsl`
fn isNan(x: vec2<f32>) -> vec2<bool> { return (bitcast<vec2<u32>>(x) & vec2<u32>(0x7fffffffu)) > vec2<u32>(0x7f800000u); }
`;

/** y and index of windows two places wide: places of a row are taken in their order, in both windows of a pair at once. */
export function maxPoolTwo(of: "pairs" | "twos"): string {
  const { x, y, index, left, right, place } = TWO[of];
  return wgsl`
${poolParams.wgsl}
${storage(read("x", x), write("y", y), write("index", index))}
${of === "pairs" ? isNan : finiteTests}
${rowSpan}
${flatMain(wgsl`
${windowOfIndex}
  let ys = span(oy, params.paddingRows, params.kernelRows, params.strideRows, params.dilationRows, params.rows);
  let start = plane * params.rows * params.columns;
  let first = ys.x * params.columns + ox;
  var bestAt = ${place("first", 0)};
  var best = x[start + first].${left};
  var broken = isNan(best);
  for (var iy = ys.x; iy < ys.y; iy += params.dilationRows) {
    let four = iy * params.columns + ox;
    let v = x[start + four];
    { ${takeLarger(`v.${left}`, place("four", 0))} }
    { ${takeLarger(`v.${right}`, place("four", 1))} }
  }
  y[i] = best;
  index[i] = ${index}(bestAt);
`)}
`;
}

const ownedRows = "owned(oy, params.paddingRows, params.strideRows, params.outRows, params.rows)";

/**
 * dx of windows two places wide, where no place belongs to two: an invocation writes all up to the next windows below.
 */
export function maxPoolGradientTwo(of: "pairs" | "twos"): string {
  const { x, y, index, spread, places } = TWO[of];
  return wgsl`
${poolParams.wgsl}
${storage(read("dy", y), read("index", index), write("dx", x))}
${owned}
${flatMain(wgsl`
${windowOfIndex}
  let ys = ${ownedRows};
  let start = plane * params.rows * params.columns;
  let at = ${spread(`${index.replace("i32", "u32")}(index[i])`).replace("f32", "u32")};
  let d = ${spread("dy[i]")};
  for (var iy = ys.x; iy < ys.y; iy++) {
    let four = iy * params.columns + ox;
    dx[start + four] = select(${x}(), d, ${places("four")} == at);
  }
`)}
`;
}

/** Rows of a window, as `span` gives them, and what its sum is divided by. */
const rowsOf = (form: AvgForm): string => wgsl`
  let inY = ${spanName(form)}(oy, params.paddingRows, params.kernelRows, params.strideRows, params.rows, params.outRows);
`;
const divisor = (of: FoursForm): string => `f32(inY.z * ${of === "fours" ? "4u * params.kernelColumns" : "2u"})`;

/** y, an invocation a window, or a pair of them. */
export function avgPoolFours(form: AvgForm, of: FoursForm): string {
  const { x, y, left, right } = of === "fours" ? FOURS : TWO[of];
  return wgsl`
${poolParams.wgsl}
${storage(read("x", x), write("y", y))}
${span(form)}
${flatMain(wgsl`
${windowOfIndex}
${rowsOf(form)}
  let start = plane * params.rows * params.columns + ox * params.kernelColumns;
#if ${of === "fours"}
  var sum = vec4<f32>();
  for (var iy = inY.x; iy < inY.y; iy++) {
    for (var q = 0u; q < params.kernelColumns; q++) { sum += x[start + iy * params.columns + q]; }
  }
  y[i] = (${totalOf(true, "sum")}) / ${divisor(of)};
#else
  var sum = ${y}();
  for (var iy = inY.x; iy < inY.y; iy++) {
    let v = x[start + iy * params.columns];
    sum = sum + v.${left} + v.${right};
  }
  y[i] = sum / ${divisor(of)};
#endif
`)}
`;
}

/** dx, where no place belongs to two windows: an invocation writes all fours, or twos, up to the next windows below. */
export function avgPoolGradientFours(form: AvgForm, of: FoursForm): string {
  const { x, y, spread } = of === "fours" ? FOURS : TWO[of];
  return wgsl`
${poolParams.wgsl}
${storage(read("dy", y), write("dx", x))}
${span(form)}
${owned}
${flatMain(wgsl`
${windowOfIndex}
${rowsOf(form)}
  let ys = ${ownedRows};
  let start = plane * params.rows * params.columns + ox * params.kernelColumns;
  let d = dy[i] / ${divisor(of)};
  for (var iy = ys.x; iy < ys.y; iy++) {
    let share = select(${x}(), ${spread("d")}, (iy >= inY.x) & (iy < inY.y));
    for (var q = 0u; q < params.kernelColumns; q++) { dx[start + iy * params.columns + q] = share; }
  }
`)}
`;
}
