import { finiteTests, flatMain, flatType, read, storage, write } from "../common.ts";
import { paramBlock } from "../params.ts";
import { wgsl } from "../wgsl.ts";

/**
 * `size` groups of `pieces` elements, `inner` apart; neighbours belong to different groups. Elements begin at `firstX`, what
 * there is one of a group of at `firstY`. All count elements, or fours where a kernel takes those.
 */
export const maxoutParams = paramBlock({ size: "u32", firstX: "u32", firstY: "u32", pieces: "u32", inner: "u32" });

/** Takes element `v`, the `k`th of a group, into `best` and `place`. The first of several counts, and NaN is the largest. */
export const better = wgsl`
fn isBetter(v: f32, best: f32) -> bool { return (v > best) | (isNan(v) & !isNan(best)); }
`;
export const take = (v: string, k: string): string =>
  `{ let v = ${v}; let take = isBetter(v, best); best = select(best, v, take); place = select(place, ${k}, take); }`;

/** The same for four groups at once. */
const betterOfFour = wgsl`
fn nanOfFour(x: vec4<f32>) -> vec4<bool> { return (bitcast<vec4<u32>>(x) & vec4<u32>(0x7fffffffu)) > vec4<u32>(0x7f800000u); }
fn isBetter(v: vec4<f32>, best: vec4<f32>) -> vec4<bool> { return (v > best) | (nanOfFour(v) & !nanOfFour(best)); }
`;

const best = (four: boolean): string => wgsl`
  let first = params.firstX + (i / params.inner) * params.pieces * params.inner + i % params.inner;
  var best = x[first];
  var place = ${placeType(four)}();
  for (var k = 1u; k < params.pieces; k++) ${take("x[first + k * params.inner]", `${placeType(four)}(k)`)}
`;

const placeType = (four: boolean): string => (four ? "vec4<u32>" : "u32");
const head = (four: boolean): string => (four ? betterOfFour : `${finiteTests}${better}`);

/** y: the largest of each group. An invocation has a group, or `four` neighbours of one row. */
export function maxout(four: boolean): string {
  const type = flatType(four);
  return wgsl`
${maxoutParams.wgsl}
${storage(read("x", type), write("y", type))}
${head(four)}
${flatMain(`${best(four)}\n  y[params.firstY + i] = best;`)}
`;
}

/** dx: what comes from behind goes to the largest of each group. */
export function maxoutGradient(four: boolean): string {
  const type = flatType(four);
  return wgsl`
${maxoutParams.wgsl}
${storage(read("dy", type), read("x", type), write("dx", type))}
${head(four)}
${flatMain(`${best(four)}
  let dyHere = dy[params.firstY + i];
  for (var k = 0u; k < params.pieces; k++) { dx[first + k * params.inner] = select(${type}(), dyHere, place == ${placeType(four)}(k)); }`)}
`;
}
