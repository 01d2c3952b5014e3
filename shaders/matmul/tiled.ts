import { wgsl } from "../wgsl.ts";
import { type MatmulVariant, matmulHead, tileOf } from "./common.ts";

/** Side of the square tile: 16 x 16 invocations, the most that every device allows. */
export const TILE = 16;

/** Tiles of A and B are brought to workgroup memory once and read TILE times from there. */
export function matmulTiled(variant: MatmulVariant): string {
  const { form } = variant;
  return wgsl`
${matmulHead(variant)}
var<workgroup> tileA: array<f32, ${TILE * TILE}>;
var<workgroup> tileB: array<f32, ${TILE * TILE}>;

@compute @workgroup_size(${TILE}, ${TILE})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_id) local: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
${tileOf(variant, TILE * TILE)}
  let m0 = (tile / params.tilesN) * ${TILE}u;
  let n0 = (tile % params.tilesN) * ${TILE}u;
  let m = m0 + local.y;
  let n = n0 + local.x;
  var sum = 0.0;
  for (var k0 = 0u; k0 < params.K; k0 += ${TILE}u) {
    // Neighbouring invocations read neighbouring addresses, whichever way the operand lies.
#if ${form === "TN"}
    let am = m0 + local.x;
    let ak = k0 + local.y;
    let atA = local.x * ${TILE}u + local.y;
#else
    let am = m;
    let ak = k0 + local.x;
    let atA = local.y * ${TILE}u + local.x;
#endif
#if ${form === "NT"}
    let bn = n0 + local.y;
    let bk = k0 + local.x;
    let atB = local.x * ${TILE}u + local.y;
#else
    let bn = n;
    let bk = k0 + local.y;
    let atB = local.y * ${TILE}u + local.x;
#endif
    var valueA = 0.0;
    var valueB = 0.0;
    if (am < params.M && ak < params.K) { valueA = a[indexA(am, ak)]; }
    if (bn < params.N && bk < params.K) { valueB = b[indexB(bk, bn)]; }
    tileA[atA] = valueA;
    tileB[atB] = valueB;
    workgroupBarrier();
    for (var k = 0u; k < ${TILE}u; k++) {
      sum += tileA[local.y * ${TILE}u + k] * tileB[k * ${TILE}u + local.x];
    }
    workgroupBarrier();
  }
  if (m < params.M && n < params.N) {
    let at = params.cOffset + m * params.ldc + n;
    c[at] = finish(sum, at, n);
  }
}
`;
}
