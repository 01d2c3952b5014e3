import { flatMain, flatType, read, storage, write } from "../common.ts";
import { paramBlock } from "../params.ts";
import { stretchOf } from "../stretch.ts";
import { range, wgsl } from "../wgsl.ts";

/**
 * Images of `h` by `w` places become `h sy` by `w sx`. `size` counts the result's elements; what is read begins at `readFrom`,
 * the result at `writeTo`. Of what an invocation makes four of at once, `size` and the place where it begins count fours.
 */
export const upsampleParams = paramBlock({
  size: "u32",
  readFrom: "u32",
  writeTo: "u32",
  h: "u32",
  w: "u32",
  sy: "u32",
  sx: "u32",
});

export type UpsampleMode = "nearest" | "bilinear";

/**
 * Along an axis of n places, each of which becomes `scale`: place i lies (2 i + 1 - scale) / (2 scale) places from the
 * first one's middle, and not before it. `tap` gives the place below, the one above, and how far it is to the latter in
 * parts of 2 scale.
 */
export const taps = wgsl`
fn tap(i: u32, scale: u32, n: u32) -> vec3<u32> {
  let t = max(2u * i + 1u, scale) - scale;
  let below = t / (2u * scale);
  return vec3<u32>(below, min(below + 1u, n - 1u), t % (2u * scale));
}
fn tapWeight(parts: u32, scale: u32) -> f32 { return f32(parts) / f32(2u * scale); }
fn weightOf(j: u32, i: u32, scale: u32, n: u32) -> f32 {
  let t = tap(i, scale, n);
  let below = select(0.0, tapWeight(2u * scale - t.z, scale), t.x == j);
  let above = select(0.0, tapWeight(t.z, scale), t.y == j);
  return select(0.0, below + above, i < n * scale);
}
`;

/** What lies between four places: `a` and `b` below along y, `c` and `d` above; weights as tap gives them. */
export const between = (a: string, b: string, c: string, d: string): string =>
  `lowY * (lowX * ${a} + highX * ${b}) + highY * (lowX * ${c} + highX * ${d})`;

const place = (four: boolean): string => wgsl`
  let wide = params.w * params.sx${four ? " / 4u" : ""};
  let x0 = i % wide${four ? " * 4u" : ""};
  let y0 = (i / wide) % (params.h * params.sy);
  let image = (i / wide) / (params.h * params.sy);
`;

/** Element `column` of a row of the larger image, between rows of the smaller one that begin at `low` and `high`. */
const acrossRow = wgsl`
fn acrossRow(column: u32, low: u32, high: u32, lowY: f32, highY: f32) -> f32 {
  let tx = tap(column, params.sx, params.w);
  let lowX = tapWeight(2u * params.sx - tx.z, params.sx);
  let highX = tapWeight(tx.z, params.sx);
  return ${between("x[low + tx.x]", "x[low + tx.y]", "x[high + tx.x]", "x[high + tx.y]")};
}
`;

/** y: an element an invocation, or `four` neighbours of a row. */
export function upsample(mode: UpsampleMode, four: boolean): string {
  const elements = (value: (column: string) => string): string =>
    four
      ? `vec4<f32>(${range(4)
          .map((k) => value(`(x0 + ${k}u)`))
          .join(", ")})`
      : value("x0");
  return wgsl`
${upsampleParams.wgsl}
${storage(read("x"), write("y", flatType(four)))}
${taps}
${mode === "bilinear" ? acrossRow : ""}
${flatMain(wgsl`
${place(four)}
#if ${mode === "nearest"}
  let row = params.readFrom + (image * params.h + y0 / params.sy) * params.w;
  y[params.writeTo + i] = ${elements((column) => `x[row + ${column} / params.sx]`)};
#else
  let ty = tap(y0, params.sy, params.h);
  let lowY = tapWeight(2u * params.sy - ty.z, params.sy);
  let highY = tapWeight(ty.z, params.sy);
  let low = params.readFrom + (image * params.h + ty.x) * params.w;
  let high = params.readFrom + (image * params.h + ty.y) * params.w;
  y[params.writeTo + i] = ${elements((column) => `acrossRow(${column}, low, high, lowY, highY)`)};
#endif
`)}
`;
}

/**
 * dx of "nearest" where each place is two of a row: an invocation makes four neighbours from two fours of each row that
 * they reach. Rows are added in their order, as in the form below; `size`, `readFrom` and `writeTo` count fours.
 */
export function upsampleGradientPairs(): string {
  return wgsl`
${upsampleParams.wgsl}
${storage(read("dy", "vec4<f32>"), write("dx", "vec4<f32>"))}
${flatMain(wgsl`
  let fours = params.w / 4u;
  let j = i % fours;
  let k = (i / fours) % params.h;
  let image = (i / fours) / params.h;
  var sum = vec4<f32>();
  for (var r = 0u; r < params.sy; r++) {
    let at = params.readFrom + ((image * params.h + k) * params.sy + r) * 2u * fours + 2u * j;
    let a = dy[at];
    let b = dy[at + 1u];
    sum = sum + vec4<f32>(a.x, a.z, b.x, b.z) + vec4<f32>(a.y, a.w, b.y, b.w);
  }
  dx[params.writeTo + i] = sum;
`)}
`;
}

/** A number that is a sum of powers of two, as text. */
const exactly = (n: number): string => (Number.isInteger(n) ? `${n}.0` : String(n));

/**
 * dx of "bilinear" where each place is so many of a row, 2 or 4, and rows are whole fours: an invocation makes four
 * neighbours from the fours of each row that they reach. A row's first and last place have all that lies beyond their
 * middles; of other weights it is known what they are. `readFrom` and `writeTo` count fours.
 */
export function upsampleGradientAcross(sx: number): string {
  const dy = stretchOf("dy", "d", `${sx}u * q`, `${sx}u * fours`, -sx / 2, 4 * sx + sx / 2 - 1);
  const sumOf = (k: number): string =>
    range(2 * sx)
      .map((i) => {
        const weight = exactly((i < sx ? 2 * i + 1 : 4 * sx - 1 - 2 * i) / (2 * sx));
        const edge =
          k === 0 && i >= sx / 2 && i < sx ? "atFirst" : k === 3 && i >= sx && i < sx + sx / 2 ? "atLast" : null;
        return `${edge ? `select(${weight}, 1.0, ${edge})` : weight} * ${dy.at(sx * k - sx / 2 + i, "h")}`;
      })
      .join(" + ");
  const held = dy.fours.map(
    ({ only }, k) => `let h${k} = select(${only === null ? "vec4<f32>()" : "0.0"}, d${k}, there${k});`,
  );
  return wgsl`
${upsampleParams.wgsl}
${storage(read("dy", "vec4<f32>"), write("dx", "vec4<f32>"))}
${taps}
${flatMain(wgsl`
  let fours = params.w / 4u;
  let q = i % fours;
  let k = (i / fours) % params.h;
  let image = (i / fours) / params.h;
  let atFirst = q == 0u;
  let atLast = q + 1u == fours;
  ${dy.there}
  let tall = params.h * params.sy;
${rowsReached}
  var sum = vec4<f32>();
  for (var r = fromY; r < toY; r++) {
    ${dy.load(`params.readFrom + (image * tall + r) * ${sx}u * fours`)}
    ${held.join("\n    ")}
    sum += weightOf(k, r, params.sy, params.h) * vec4<f32>(${range(4).map(sumOf).join(",\n      ")});
  }
  dx[params.writeTo + i] = sum;
`)}
`;
}

/** Rows of the larger image that row k of the smaller one reaches. */
const rowsReached = `  let fromY = max(k * params.sy + params.sy / 2u, params.sy) - params.sy;
  let toY = min(fromY + 2u * params.sy, tall);`;

/** dx: for each place the sum of dy over the places that it reaches, in a fixed order. `size` counts the places of dx. */
export function upsampleGradient(mode: UpsampleMode): string {
  return wgsl`
${upsampleParams.wgsl}
${storage(read("dy"), write("dx"))}
${taps}
${flatMain(wgsl`
  let j = i % params.w;
  let k = (i / params.w) % params.h;
  let image = (i / params.w) / params.h;
  let tall = params.h * params.sy;
  let wide = params.w * params.sx;
  var sum = 0.0;
#if ${mode === "nearest"}
  for (var r = 0u; r < params.sy; r++) {
    let row = params.readFrom + (image * tall + k * params.sy + r) * wide + j * params.sx;
    for (var c = 0u; c < params.sx; c++) { sum += dy[row + c]; }
  }
#else
${rowsReached}
  let fromX = max(j * params.sx + params.sx / 2u, params.sx) - params.sx;
  let toX = min(fromX + 2u * params.sx, wide);
  for (var r = fromY; r < toY; r++) {
    let wy = weightOf(k, r, params.sy, params.h);
    let row = params.readFrom + (image * tall + r) * wide;
    var across = 0.0;
    for (var c = fromX; c < toX; c++) { across += weightOf(j, c, params.sx, params.w) * dy[row + c]; }
    sum += wy * across;
  }
#endif
  dx[params.writeTo + i] = sum;
`)}
`;
}
