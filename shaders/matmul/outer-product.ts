import { FLAT_WORKGROUP, flatMain, read, storage, write } from "../common.ts";
import { paramBlock } from "../params.ts";
import { wgsl } from "../wgsl.ts";

/** `size` invocations; with vec4, N and size count groups of four. `base` is the first element of the window. */
export const outerParams = paramBlock({ size: "u32", N: "u32", base: "u32" });
export const OUTER_WORKGROUP = FLAT_WORKGROUP;

/** C [M, N] = a [M] times b [N]: one multiplication an element, limited by the writing of C. */
export function outerProduct(vector: boolean): string {
  const type = vector ? "vec4<f32>" : "f32";
  return wgsl`
${outerParams.wgsl}
${storage(read("a"), read("b", type), write("c", type))}
${flatMain(wgsl`
  let e = params.base + i;
  c[i] = a[e / params.N] * b[e % params.N];
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
export function outerProductTile(): string {
  const { rows, columns } = OUTER_TILE;
  return wgsl`
${outerTileParams.wgsl}
${storage(read("a"), read("b", "vec4<f32>"), write("c", "vec4<f32>"))}
@compute @workgroup_size(${columns})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let n = group.x * ${columns}u + lane;
  if (n >= params.N) { return; }
  let y = b[n];
  let end = min(params.M, (group.y + 1u) * ${rows}u);
  for (var m = group.y * ${rows}u; m < end; m++) { c[m * params.N + n] = a[m] * y; }
}
`;
}
