import { wgsl } from "../wgsl.ts";
import { type MatmulVariant, matmulHead, tileOf } from "./common.ts";

/** Columns and rows of C that one workgroup computes, one element an invocation. */
export const NAIVE_TILE = { rows: 4, columns: 16 } as const;

/** One invocation, one element of C, K multiply-adds straight from memory. The rung that is easy to believe. */
export function matmulNaive(variant: MatmulVariant): string {
  return wgsl`
${matmulHead(variant)}
@compute @workgroup_size(${NAIVE_TILE.columns}, ${NAIVE_TILE.rows})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_id) local: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
${tileOf(variant, NAIVE_TILE.columns * NAIVE_TILE.rows)}
  let m = (tile / params.tilesN) * ${NAIVE_TILE.rows}u + local.y;
  let n = (tile % params.tilesN) * ${NAIVE_TILE.columns}u + local.x;
  if (m >= params.M || n >= params.N) { return; }
  var sum = 0.0;
  for (var k = 0u; k < params.K; k++) {
    sum += a[indexA(m, k)] * b[indexB(k, n)];
  }
  let at = params.cOffset + m * params.ldc + n;
  c[at] = finish(sum, at, n);
}
`;
}
