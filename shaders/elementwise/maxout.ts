import { finiteTests, flatMain, read, storage, write } from "../common.ts";
import { paramBlock } from "../params.ts";
import { wgsl } from "../wgsl.ts";

/**
 * `size` groups of `pieces` elements, `inner` apart; neighbours belong to different groups. Elements begin at `firstX`, what
 * there is one of a group of at `firstY`.
 */
export const maxoutParams = paramBlock({ size: "u32", firstX: "u32", firstY: "u32", pieces: "u32", inner: "u32" });

/** Takes element `v`, the `k`th of a group, into `best` and `place`. The first of several counts, and NaN is the largest. */
export const better = wgsl`
fn isBetter(v: f32, best: f32) -> bool { return (v > best) | (isNan(v) & !isNan(best)); }
`;
export const take = (v: string, k: string): string =>
  `{ let v = ${v}; let take = isBetter(v, best); best = select(best, v, take); place = select(place, ${k}, take); }`;

const best = wgsl`
  let first = params.firstX + (i / params.inner) * params.pieces * params.inner + i % params.inner;
  var best = x[first];
  var place = 0u;
  for (var k = 1u; k < params.pieces; k++) ${take("x[first + k * params.inner]", "k")}
`;

/** y: the largest of each group. */
export function maxout(): string {
  return wgsl`
${maxoutParams.wgsl}
${storage(read("x"), write("y"))}
${finiteTests}
${better}
${flatMain(`${best}\n  y[params.firstY + i] = best;`)}
`;
}

/** dx: what comes from behind goes to the largest of each group. */
export function maxoutGradient(): string {
  return wgsl`
${maxoutParams.wgsl}
${storage(read("dy"), read("x"), write("dx"))}
${finiteTests}
${better}
${flatMain(`${best}
  for (var k = 0u; k < params.pieces; k++) { dx[first + k * params.inner] = select(0.0, dy[params.firstY + i], k == place); }`)}
`;
}
