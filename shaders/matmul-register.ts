import { finishFunction, type MatmulVariant, matmulBindings, matmulParams, operandIndex } from "./matmul-common.ts";
import { wgsl } from "./wgsl.ts";

/** Shape of the register-tiled kernel: `side` x `side` invocations, 4 x 4 elements of C each. */
export interface RegisterTile {
  readonly side: 8 | 16;
  /** Which arrays are read and written as vec4: their contiguous dimension and offset are multiples of 4. */
  readonly vector: { readonly a: boolean; readonly b: boolean; readonly c: boolean };
}

/** Rows (and columns) of C that a workgroup computes. */
export const registerBlock = (tile: RegisterTile): number => tile.side * 4;

/**
 * Four vec4 of an operand, block rows along k, so that the inner loop reads both operands the same way.
 * Where the operand lies with k contiguous the 4 x 4 block is transposed in registers while it is loaded:
 * NT and TN cost what NN costs.
 */
function loadBlock(operand: "a" | "b", kContiguous: boolean, vector: boolean): string {
  const outer = operand === "a" ? "params.M" : "params.N";
  // Row r of the block: k is contiguous along it, or the outer dimension is.
  const at = (o: string, k: string) => (operand === "a" ? `indexA(${o}, ${k})` : `indexB(${k}, ${o})`);
  const plus = (name: string, d: number) => `${name} + ${d}u`;
  const vectorLoad = (r: number) => {
    const [o, k] = kContiguous ? [plus("o0", r), "k0"] : ["o0", plus("k0", r)];
    return `  if (${o} < ${outer} && ${k} < params.K) { r${r} = ${operand}[${at(o, k)} / 4u]; }`;
  };
  const scalarLoad = (r: number, c: number) => {
    const [o, k] = kContiguous ? [plus("o0", r), plus("k0", c)] : [plus("o0", c), plus("k0", r)];
    return `  if (${o} < ${outer} && ${k} < params.K) { r${r}.${"xyzw"[c]} = ${operand}[${at(o, k)}]; }`;
  };
  const four = [0, 1, 2, 3];
  const loads = four.map((r) => (vector ? vectorLoad(r) : four.map((c) => scalarLoad(r, c)).join("\n"))).join("\n");
  return wgsl`
fn load_${operand}(o0: u32, k0: u32) -> mat4x4<f32> {
  var r0 = vec4<f32>(); var r1 = vec4<f32>(); var r2 = vec4<f32>(); var r3 = vec4<f32>();
${loads}
#if ${kContiguous}
  return transpose(mat4x4<f32>(r0, r1, r2, r3));
#else
  return mat4x4<f32>(r0, r1, r2, r3);
#endif
}
`;
}

/**
 * 4 x 4 elements of C in four named vec4 accumulators; blocks of A and B pass through workgroup memory.
 * The depth of a block is twice the side: then there are as many 4 x 4 blocks to load as invocations,
 * the first half of which load A and the second half B.
 */
export function matmulRegister(variant: MatmulVariant, tile: RegisterTile): string {
  const { form } = variant;
  const { side, vector } = tile;
  const block = registerBlock(tile);
  const depth = side * 2;
  const half = (side * side) / 2;
  const inner = Array.from(
    { length: depth },
    (_, k) => `    {
      let av = blockA[${k * side}u + local.y];
      let bv = blockB[${k * side}u + local.x];
      acc0 += av.x * bv;
      acc1 += av.y * bv;
      acc2 += av.z * bv;
      acc3 += av.w * bv;
    }`,
  ).join("\n");
  const stores = [0, 1, 2, 3].map((r) => `  store(m + ${r}u, n, acc${r});`).join("\n");
  return wgsl`
${matmulParams.wgsl}
${matmulBindings(variant, vector)}
${operandIndex(form)}
${finishFunction(variant)}
${loadBlock("a", form !== "TN", vector.a)}
${loadBlock("b", form === "NT", vector.b)}
var<workgroup> blockA: array<vec4<f32>, ${depth * side}>;
var<workgroup> blockB: array<vec4<f32>, ${depth * side}>;

fn store(m: u32, n: u32, value: vec4<f32>) {
  if (m >= params.M) { return; }
  let at = params.cOffset + m * params.ldc + n;
#if ${vector.c}
  if (n >= params.N) { return; }
  let old = c[at / 4u];
  c[at / 4u] = vec4<f32>(finish(value.x, old.x, n), finish(value.y, old.y, n + 1u),
                         finish(value.z, old.z, n + 2u), finish(value.w, old.w, n + 3u));
#else
  if (n < params.N) { c[at] = finish(value.x, c[at], n); }
  if (n + 1u < params.N) { c[at + 1u] = finish(value.y, c[at + 1u], n + 1u); }
  if (n + 2u < params.N) { c[at + 2u] = finish(value.z, c[at + 2u], n + 2u); }
  if (n + 3u < params.N) { c[at + 3u] = finish(value.w, c[at + 3u], n + 3u); }
#endif
}

@compute @workgroup_size(${side}, ${side})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_id) local: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let tile = group.y * groups.x + group.x;
  if (tile >= params.tiles) { return; }
  let m0 = (tile / params.tilesN) * ${block}u;
  let n0 = (tile % params.tilesN) * ${block}u;
  var acc0 = vec4<f32>(); var acc1 = vec4<f32>(); var acc2 = vec4<f32>(); var acc3 = vec4<f32>();
  let part = lane % ${half}u;
  let loadOuter = part % ${side}u;
  let loadDepth = part / ${side}u;
  for (var k0 = 0u; k0 < params.K; k0 += ${depth}u) {
    let kk = k0 + loadDepth * 4u;
    let at = loadDepth * ${4 * side}u + loadOuter;
    if (lane < ${half}u) {
      let v = load_a(m0 + loadOuter * 4u, kk);
      blockA[at] = v[0]; blockA[at + ${side}u] = v[1]; blockA[at + ${2 * side}u] = v[2]; blockA[at + ${3 * side}u] = v[3];
    } else {
      let v = load_b(n0 + loadOuter * 4u, kk);
      blockB[at] = v[0]; blockB[at + ${side}u] = v[1]; blockB[at + ${2 * side}u] = v[2]; blockB[at + ${3 * side}u] = v[3];
    }
    workgroupBarrier();
${inner}
    workgroupBarrier();
  }
  let m = m0 + local.y * 4u;
  let n = n0 + local.x * 4u;
${stores}
}
`;
}
