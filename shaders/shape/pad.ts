import { flatMain, flatType, read, storage, write } from "../common.ts";
import { type ParamBlock, paramBlock } from "../params.ts";
import { range, wgsl } from "../wgsl.ts";

/**
 * Axis k has `n`k places before padding and `m`k after it, `b`k of them in front. `size` counts the result's elements;
 * what is read begins at `readFrom`, the result at `writeTo`.
 * By `PadForm` "fours" all that counts elements of the last axis counts fours; "wide" its `m`k, `size` and `writeTo` do.
 */
export function padParams(axes: number): ParamBlock<Record<string, "u32">> {
  const ofAxes = Array.from({ length: axes }, (_, k) => [`n${k}`, `m${k}`, `b${k}`]).flat();
  return paramBlock(
    Object.fromEntries(["size", "readFrom", "writeTo", ...ofAxes].map((name) => [name, "u32" as const])),
  );
}

/**
 * What an invocation makes: an element; a vec4 from a vec4, where the last axis goes by fours; or a vec4 of elements that do
 * not lie as fours in what is read.
 */
export type PadForm = "single" | "fours" | "wide";
const wordsOf = (four: boolean) => (four ? "vec4<u32>" : "u32");
/** Four of an element of the last axis, or one: `value` of its place. */
const elementsOf = (axes: number, form: PadForm, value: (place: string) => string): string =>
  form === "wide"
    ? `vec4<u32>(${range(4)
        .map((k) => value(`(4u * c${axes - 1} + ${k}u)`))
        .join(", ")})`
    : value(`c${axes - 1}`);

/** The place that place i of a padded axis mirrors at the first and the last place. */
export const mirrored = wgsl`
fn mirrored(i: u32, n: u32, before: u32) -> u32 {
  let last = i32(n) - 1;
  return u32(last - abs(last - abs(i32(i) - i32(before))));
}
`;

/**
 * Places of a padded axis that show place j: itself, by the mirror in front, by the one behind. `imageOf` gives all three,
 * m where there is none; `imageAt` the `way`th of those that there are.
 */
export const images = wgsl`
fn hasFront(j: u32, before: u32) -> bool { return (j > 0u) & (j <= before); }
fn behindOf(j: u32, n: u32, before: u32) -> u32 { return before + 2u * (n - 1u) - j; }
fn hasBehind(j: u32, n: u32, m: u32, before: u32) -> bool { return (j + 1u < n) & (behindOf(j, n, before) < m); }
fn imageOf(j: u32, way: u32, n: u32, m: u32, before: u32) -> u32 {
  let front = select(m, before - j, hasFront(j, before));
  let behind = select(m, behindOf(j, n, before), hasBehind(j, n, m, before));
  return select(select(behind, front, way == 1u), before + j, way == 0u);
}
fn imageCount(j: u32, n: u32, m: u32, before: u32) -> u32 {
  return 1u + select(0u, 1u, hasFront(j, before)) + select(0u, 1u, hasBehind(j, n, m, before));
}
fn imageAt(j: u32, way: u32, n: u32, before: u32) -> u32 {
  let other = select(behindOf(j, n, before), before - j, (way == 1u) & hasFront(j, before));
  return select(other, before + j, way == 0u);
}
`;

/** `c`k: coordinates of element i, of sizes params.`size`k. */
function coordinates(axes: number, size: string): string {
  const inner = Array.from({ length: axes - 1 }, (_, k) => axes - 1 - k);
  const lines = inner.map((k) => `  let c${k} = rest % params.${size}${k}; rest = rest / params.${size}${k};`);
  return `  var rest = i;\n${lines.join("\n")}\n  let c0 = rest;`;
}

const all = (axes: number, text: (k: number) => string, join: string): string =>
  Array.from({ length: axes }, (_, k) => text(k)).join(join);

/** y: x with zeros around it. Words move as they are. */
export function padZeros(axes: number, form: PadForm): string {
  const last = axes - 1;
  const zero = `${wordsOf(form === "fours")}()`;
  const value = (place: string): string => {
    const p = `${place} - params.b${last}`;
    const at = `at * params.n${last} + min(${p}, params.n${last} - 1u)`;
    return `select(${zero}, x[params.readFrom + ${at}], inside & (${p} < params.n${last}))`;
  };
  return wgsl`
${padParams(axes).wgsl}
${storage(read("x", wordsOf(form === "fours")), write("y", wordsOf(form !== "single")))}
${flatMain(`${coordinates(axes, "m")}
  var at = 0u;
  var inside = true;
${all(
  last,
  (k) => `  {
    let p = c${k} - params.b${k};
    inside = inside & (p < params.n${k});
    at = at * params.n${k} + min(p, params.n${k} - 1u);
  }`,
  "\n",
)}
  y[params.writeTo + i] = ${elementsOf(axes, form, value)};`)}
`;
}

/** y: x with its mirror image around it; "fours" where the last axis has none. */
export function padReflect(axes: number, form: PadForm): string {
  const last = axes - 1;
  const place = (k: number, c: string): string => `mirrored(${c}, params.n${k}, params.b${k})`;
  return wgsl`
${padParams(axes).wgsl}
${storage(read("x", wordsOf(form === "fours")), write("y", wordsOf(form !== "single")))}
${mirrored}
${flatMain(`${coordinates(axes, "m")}
  var at = 0u;
${all(last, (k) => `  at = at * params.n${k} + ${place(k, `c${k}`)};`, "\n")}
  let row = params.readFrom + at * params.n${last};
  y[params.writeTo + i] = ${elementsOf(axes, form, (c) => `x[row + ${place(last, c)}]`)};`)}
`;
}

/**
 * dx: for each place the sum of dy over the places that show it, in a fixed order. `padded` says which axes are; `four` takes
 * four neighbours at once, where the last is not.
 */
export function reflectGradient(padded: readonly boolean[], four: boolean): string {
  const type = flatType(four);
  const axes = padded.length;
  const own = (k: number): string => `params.n${k}, params.m${k}, params.b${k}`;
  const loops = padded.map((is, k) =>
    is ? `for (var w${k} = 0u; w${k} < imageCount(c${k}, ${own(k)}); w${k}++) {` : "{",
  );
  const places = padded.map((is, k) => (is ? `imageAt(c${k}, w${k}, params.n${k}, params.b${k})` : `c${k}`));
  return wgsl`
${padParams(axes).wgsl}
${storage(read("dy", type), write("dx", type))}
${images}
${flatMain(`${coordinates(axes, "n")}
  var sum = ${type}();
  ${loops.join(" ")}
    var at = 0u;
${places.map((place, k) => `    at = at * params.m${k} + ${place};`).join("\n")}
    sum += dy[params.readFrom + at];
  ${"}".repeat(axes)}
  dx[params.writeTo + i] = sum;`)}
`;
}
