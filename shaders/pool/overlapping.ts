import { flatMain, read, storage, write } from "../common.ts";
import { type Stretch, stretchOf } from "../stretch.ts";
import { lane, range, wgsl } from "../wgsl.ts";
import { type AvgForm, span, spanName } from "./avg-pool.ts";
import { placeOfIndex, poolParams, reaching, windowOfIndex } from "./common.ts";
import { rowSpan } from "./max-pool.ts";

/*
 * Pooling where windows lie over each other along a row, and rows of places and of windows are whole fours: an invocation
 * has four neighbouring windows, or, backwards, as many places as those begin in. So a place that several windows share is
 * read once, by fours as far as more than one number of a four is wanted. How windows lie along a row is in the code; along
 * the other axis they lie as they like.
 */

/** How windows lie along a row. */
export interface Across {
  readonly kernel: number;
  /** 1 or 2. */
  readonly stride: number;
  readonly padding: number;
}

const placesOf = ({ kernel, stride, padding }: Across): Stretch =>
  stretchOf("x", "v", `${stride}u * ox`, "params.columns", -padding, 3 * stride + kernel - 1 - padding);
/** Of all four windows, something of the places that are their element `c`. */
const ofElement = ({ stride, padding }: Across, c: number, of: (offset: number) => string): string =>
  range(4)
    .map((k) => of(c - padding + k * stride))
    .join(", ");

/** y and index. As in the form of single windows, the first place of each is taken whatever it holds. */
export function maxPoolOverlapping(across: Across): string {
  const { kernel, stride, padding } = across;
  const places = placesOf(across);
  const steps = (c: number): string =>
    range(4)
      .map((k) => `${c + k * stride}u`)
      .join(", ");
  const firsts = range(4).map((k) => `x[top + begin.${lane(k)} / 4u][begin.${lane(k)} % 4u]`);
  const takes = range(kernel).map(
    (c) => `{
      let value = vec4<f32>(${ofElement(across, c, (offset) => places.at(offset))});
      let there = vec4<bool>(${ofElement(across, c, places.thereAt)});
      let nan = there & isNan(value);
      let larger = nan | (there & (value > best) & !isNan(best));
      best = select(best, value, larger);
      bestAt = select(bestAt, at + vec4<u32>(${steps(c)}), larger);
    }`,
  );
  return wgsl`
${poolParams.wgsl}
${storage(read("x", "vec4<f32>"), write("y", "vec4<f32>"), write("index", "vec4<i32>"))}
fn isNan(x: vec4<f32>) -> vec4<bool> { return (bitcast<vec4<u32>>(x) & vec4<u32>(0x7fffffffu)) > vec4<u32>(0x7f800000u); }
${rowSpan}
${flatMain(wgsl`
${windowOfIndex}
  let ys = span(oy, params.paddingRows, params.kernelRows, params.strideRows, params.dilationRows, params.rows);
  let start = plane * params.rows * params.columns;
  let own = ${stride}u * ox;
  ${places.there}
  let top = start + ys.x * params.columns;
  let begin = max(4u * own + vec4<u32>(${steps(0)}), vec4<u32>(${padding}u)) - ${padding}u;
  var best = vec4<f32>(${firsts.join(", ")});
  var bestAt = ys.x * 4u * params.columns + begin;
  for (var iy = ys.x; iy < ys.y; iy += params.dilationRows) {
    ${places.load("start + iy * params.columns")}
    let at = (iy * params.columns + own) * 4u - ${padding}u;
    ${takes.join("\n    ")}
  }
  y[i] = best;
  index[i] = vec4<i32>(bestAt);
`)}
`;
}

/** y of means. */
export function avgPoolOverlapping(form: Exclude<AvgForm, "adaptive">, across: Across): string {
  const places = placesOf(across);
  const held = places.fours.map(
    ({ only }, k) => `let h${k} = select(${only === null ? "vec4<f32>()" : "0.0"}, v${k}, there${k});`,
  );
  const terms = range(across.kernel).map(
    (c) => `vec4<f32>(${ofElement(across, c, (offset) => places.at(offset, "h"))})`,
  );
  return wgsl`
${poolParams.wgsl}
${storage(read("x", "vec4<f32>"), write("y", "vec4<f32>"))}
${span(form)}
${flatMain(wgsl`
${windowOfIndex}
  let ys = ${rowsOfWindow(form)};
  let start = plane * params.rows * params.columns;
  ${places.there}
  var sum = vec4<f32>();
  for (var iy = ys.x; iy < ys.y; iy++) {
    ${places.load("start + iy * params.columns")}
    ${held.join("\n    ")}
    sum = sum + ${terms.join(" + ")};
  }
  y[i] = sum / vec4<f32>(ys.z * ${placesAcross(form, "4u * ox", "4u * params.columns", "4u * params.outColumns")});
`)}
`;
}

const rowsOfWindow = (form: AvgForm): string =>
  `${spanName(form)}(oy, params.paddingRows, params.kernelRows, params.strideRows, params.rows, params.outRows)`;
/** By how many places across four windows from \`first\` on are divided. */
const placesAcross = (form: AvgForm, first: string, size: string, out: string): string => {
  const ofOne = (k: number): string =>
    `${spanName(form)}(${first} + ${k}u, params.paddingColumns, params.kernelColumns, params.strideColumns, ${size}, ${out}).z`;
  return `vec4<u32>(${range(4).map(ofOne).join(", ")})`;
};

/** Windows that reach place `j` of an invocation's, by how far they lie behind its first. */
function windowsOf({ kernel, stride, padding }: Across, j: number): readonly number[] {
  const low = Math.ceil((j + padding - kernel + 1) / stride);
  return range(Math.floor((j + padding) / stride) - low + 1).map((k) => low + k);
}

/** The first and the last of all that reach one. */
const windowsRead = ({ kernel, stride, padding }: Across): readonly [number, number] => [
  Math.ceil((padding - kernel + 1) / stride),
  Math.floor((4 * stride - 1 + padding) / stride),
];
const windowsRow = (array: string, name: string, across: Across): Stretch =>
  stretchOf(array, name, "ix", "params.outColumns", ...windowsRead(across));
/** Adds `term`s of a row of windows, first to last, and writes what comes of it: `stride` fours an invocation. */
const sumsOf = (across: Across, term: (w: number, j: number) => string) => {
  const fours = range(across.stride);
  const added = (m: number): string =>
    range(4)
      .map((k) => [`sum${m}.${lane(k)}`, ...windowsOf(across, 4 * m + k).map((w) => term(w, 4 * m + k))].join(" + "))
      .join(", ");
  return {
    begin: fours.map((m) => `var sum${m} = vec4<f32>();`).join("\n  "),
    add: fours.map((m) => `sum${m} = vec4<f32>(${added(m)});`).join("\n    "),
    end: fours.map((m) => `dx[${across.stride}u * i + ${m}u] = sum${m};`).join("\n  "),
  };
};

/**
 * dx, as many places an invocation as its four windows begin in. `columns` counts invocations, `outColumns` fours.
 */
export function maxPoolGradientOverlapping(across: Across): string {
  const dy = windowsRow("dy", "d", across);
  const index = windowsRow("index", "found", across);
  const own = index.fours.map(({ only }, k) => {
    const none = only === null ? "vec4<i32>(-1)" : "-1";
    return `let own${k} = select(${none}, found${k}, there${k});`;
  });
  const sums = sumsOf(across, (w, j) => `select(0.0, ${dy.at(w)}, ${index.at(w, "own")} == at + ${j})`);
  return wgsl`
${poolParams.wgsl}
${storage(read("dy", "vec4<f32>"), read("index", "vec4<i32>"), write("dx", "vec4<f32>"))}
${reaching}
${flatMain(wgsl`
${placeOfIndex}
  let ys = reaching(
    iy, params.paddingRows, params.dilationRows * (params.kernelRows - 1u) + 1u, params.strideRows, params.outRows);
  let at = i32((iy * params.columns + ix) * ${4 * across.stride}u);
  ${dy.there}
  ${sums.begin}
  for (var oy = ys.x; oy < ys.y; oy++) {
    let row = (plane * params.outRows + oy) * params.outColumns;
    ${dy.load("row")}
    ${index.load("row")}
    ${own.join("\n    ")}
    ${sums.add}
  }
  ${sums.end}
`)}
`;
}

/** dx of means: the same. */
export function avgPoolGradientOverlapping(form: Exclude<AvgForm, "adaptive">, across: Across): string {
  const dy = windowsRow("dy", "d", across);
  const size = `${4 * across.stride}u * params.columns`;
  const counts = dy.fours.map(
    ({ place }, k) => `let count${k} = ${placesAcross(form, `4u * (${place})`, size, "4u * params.outColumns")};`,
  );
  const shares = dy.fours.map(({ only }, k) =>
    only === null
      ? `let share${k} = select(vec4<f32>(), d${k} / vec4<f32>(divisor * count${k}), there${k});`
      : `let share${k} = select(0.0, d${k} / f32(divisor * count${k}.${only}), there${k});`,
  );
  const sums = sumsOf(across, (w) => dy.at(w, "share"));
  return wgsl`
${poolParams.wgsl}
${storage(read("dy", "vec4<f32>"), write("dx", "vec4<f32>"))}
${span(form)}
${reaching}
${flatMain(wgsl`
${placeOfIndex}
  let ys = reaching(iy, params.paddingRows, params.kernelRows, params.strideRows, params.outRows);
  ${dy.there}
  ${counts.join("\n  ")}
  ${sums.begin}
  for (var oy = ys.x; oy < ys.y; oy++) {
    let divisor = ${rowsOfWindow(form)}.z;
    let row = (plane * params.outRows + oy) * params.outColumns;
    ${dy.load("row")}
    ${shares.join("\n    ")}
    ${sums.add}
  }
  ${sums.end}
`)}
`;
}
