import { FLAT_WORKGROUP, flatMain, read, storage, write } from "./common.ts";
import { paramBlock } from "./params.ts";
import { wgsl } from "./wgsl.ts";

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
