import { flatMain, read, storage, write } from "../common.ts";
import { type ParamBlock, paramBlock } from "../params.ts";
import { lane, range, wgsl } from "../wgsl.ts";

/**
 * A walk by strides: `size` elements from `start` on; axis k has `d`k steps of `s`k elements each. The other array goes on
 * straight from `other`. All count elements, or fours where a kernel takes those.
 */
export function stridedParams(axes: number): ParamBlock<Record<string, "u32">> {
  const ofAxes = Array.from({ length: axes }, (_, k) => [`d${k}`, `s${k}`]).flat();
  return paramBlock(Object.fromEntries(["size", "start", "other", ...ofAxes].map((name) => [name, "u32" as const])));
}

/** `at`: where element i of the walk lies. */
function place(axes: number): string {
  const inner = Array.from({ length: axes - 1 }, (_, k) => axes - 1 - k);
  return `  var rest = i;
  var at = params.start;
${inner.map((k) => `  at += (rest % params.d${k}) * params.s${k}; rest = rest / params.d${k};`).join("\n")}
  at += rest * params.s0;`;
}

/**
 * What an invocation moves: an element; a vec4 of four neighbours, of both arrays; or four elements of a walk into a vec4
 * of the array that goes on straight ("wide": the walk's places count elements, of which the last axis's stride is that of
 * four). The other way round single elements are faster on a CPU's adapter.
 */
export type WalkForm = "single" | "fours" | "wide";

/** Words move as they are, whatever they stand for. */
const words = (four: boolean) => (four ? "vec4<u32>" : "u32");
/** Elements in the order of a walk, one after the other. */
export function gatherStrided(axes: number, form: WalkForm): string {
  const apart = range(4).map((k) => `x[at + ${k}u * (params.s${axes - 1} / 4u)]`);
  const value = form === "wide" ? `vec4<u32>(${apart.join(", ")})` : "x[at]";
  return wgsl`
${stridedParams(axes).wgsl}
${storage(read("x", words(form === "fours")), write("y", words(form !== "single")))}
${flatMain(`${place(axes)}\n  y[params.other + i] = ${value};`)}
`;
}

/** Elements one after the other to the places of a walk. */
export function scatterStrided(axes: number, form: Exclude<WalkForm, "wide">): string {
  return wgsl`
${stridedParams(axes).wgsl}
${storage(read("x", words(form === "fours")), write("y", words(form === "fours")))}
${flatMain(`${place(axes)}\n  y[at] = x[params.other + i];`)}
`;
}

/**
 * A walk whose innermost axis is not that of neighbours in x, by blocks of four steps of both: `size` blocks; axis k has `d`k
 * steps (of four, of those two) of `s`k fours in x and `e`k in y. Within a block the innermost axis has steps of `step` fours
 * in x, the other of `row` in y.
 */
export function blockParams(axes: number): ParamBlock<Record<string, "u32">> {
  const ofAxes = Array.from({ length: axes }, (_, k) => [`d${k}`, `s${k}`, `e${k}`]).flat();
  const names = ["size", "start", "other", "step", "row", ...ofAxes];
  return paramBlock(Object.fromEntries(names.map((name) => [name, "u32" as const])));
}

/** Elements in the order of a walk, by blocks: both arrays by vec4, which are turned between. */
export function gatherBlocks(axes: number): string {
  const inner = Array.from({ length: axes - 1 }, (_, k) => axes - 1 - k);
  const stores = range(4).map((c) => {
    const column = range(4).map((r) => `r${r}.${lane(c)}`);
    return `  y[to + ${c}u * params.row] = vec4<u32>(${column.join(", ")});`;
  });
  return wgsl`
${blockParams(axes).wgsl}
${storage(read("x", "vec4<u32>"), write("y", "vec4<u32>"))}
${flatMain(`  var rest = i;
  var at = params.start;
  var to = params.other;
${inner
  .map(
    (k) =>
      `  { let c = rest % params.d${k}; at += c * params.s${k}; to += c * params.e${k}; rest = rest / params.d${k}; }`,
  )
  .join("\n")}
  at += rest * params.s0;
  to += rest * params.e0;
${range(4)
  .map((r) => `  let r${r} = x[at + ${r}u * params.step];`)
  .join("\n")}
${stores.join("\n")}`)}
`;
}
