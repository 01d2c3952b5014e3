import { FLAT_WORKGROUP, flatMain, read, storage, write } from "./common.ts";
import { halfTypes, readHalves } from "./half.ts";
import { paramBlock } from "./params.ts";
import { wgsl } from "./wgsl.ts";

/** `size` invocations; with vec4, N and size count groups of four. `base` is the first element of the window. */
export const outerParams = paramBlock({ size: "u32", N: "u32", base: "u32" });
export const OUTER_WORKGROUP = FLAT_WORKGROUP;

/** The bindings: a is read element by element, b and C perhaps four at a time; a and b may be stored as halves. */
function factors(vector: boolean, halves: boolean): string {
  const type = vector ? "vec4<f32>" : "f32";
  const b = read("b", halves ? halfTypes(vector, false) : type);
  return wgsl`
${storage(read("a", halves ? "u32" : "f32"), b, write("c", type))}
#if ${halves}
${readHalves("a", false)}
${readHalves("b", vector)}
#endif
`;
}
const firstAt = (halves: boolean, at: string): string => (halves ? `a_at(${at})` : `a[${at}]`);
const secondAt = (vector: boolean, halves: boolean, at: string): string => {
  if (!halves) return `b[${at}]`;
  return vector ? `b_four(4u * (${at}))` : `b_at(${at})`;
};

/** C [M, N] = a [M] times b [N]: one multiplication an element, limited by the writing of C. */
export function outerProduct(vector: boolean, halves: boolean): string {
  return wgsl`
${outerParams.wgsl}
${factors(vector, halves)}
${flatMain(wgsl`
  let e = params.base + i;
  c[i] = ${firstAt(halves, "e / params.N")} * ${secondAt(vector, halves, "e % params.N")};
`)}
`;
}

/** Rows and groups of four columns of C that a workgroup writes. */
export const OUTER_TILE = { rows: 8, columns: 32 } as const;
/** N counts groups of four. */
export const outerTileParams = paramBlock({ M: "u32", N: "u32" });

/**
 * The same in tiles: an invocation has four columns and goes down the rows of its tile, so that b is read once for eight
 * rows and nothing is divided to find out where an element lies.
 */
export function outerProductTile(halves: boolean): string {
  const { rows, columns } = OUTER_TILE;
  return wgsl`
${outerTileParams.wgsl}
${factors(true, halves)}
@compute @workgroup_size(${columns})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let n = group.x * ${columns}u + lane;
  if (n >= params.N) { return; }
  let y = ${secondAt(true, halves, "n")};
  let end = min(params.M, (group.y + 1u) * ${rows}u);
  for (var m = group.y * ${rows}u; m < end; m++) { c[m * params.N + n] = ${firstAt(halves, "m")} * y; }
}
`;
}
