import { flatMain, read, storage, write } from "../common.ts";
import { type ParamBlock, paramBlock } from "../params.ts";
import { wgsl } from "../wgsl.ts";

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

/** Words move as they are, whatever they stand for. */
const words = (four: boolean) => (four ? "vec4<u32>" : "u32");

/** Elements in the order of a walk, one after the other. */
export function gatherStrided(axes: number, four: boolean): string {
  return wgsl`
${stridedParams(axes).wgsl}
${storage(read("x", words(four)), write("y", words(four)))}
${flatMain(`${place(axes)}\n  y[params.other + i] = x[at];`)}
`;
}

/** Elements one after the other to the places of a walk. */
export function scatterStrided(axes: number, four: boolean): string {
  return wgsl`
${stridedParams(axes).wgsl}
${storage(read("x", words(four)), write("y", words(four)))}
${flatMain(`${place(axes)}\n  y[at] = x[params.other + i];`)}
`;
}
