import { flatMain, read, storage, sumReduce, write } from "./common.ts";
import { paramBlock } from "./params.ts";
import { wgsl } from "./wgsl.ts";

/** Invocations that share a reduction (few: see workgroupReduce), and the most partial sums a first pass leaves. */
export const REDUCE_WORKGROUP = 64;
export const MAX_PARTIALS = 256;

export const sumRowsParams = paramBlock({ M: "u32", N: "u32", groups: "u32" });
/** Columns of one workgroup; its 256 invocations are 16 columns by 16 row lanes. */
export const SUM_ROWS_COLUMNS = 16;

/** y [N] = sum over the rows of x [M, N]: the gradient of a bias. */
export function sumRows(): string {
  return wgsl`
${sumRowsParams.wgsl}
${storage(read("x"), write("y"))}
var<workgroup> lanes: array<f32, 256>;
@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_id) local: vec3<u32>) {
  let n = (group.y * groups.x + group.x) * 16u + local.x;
  var sum = 0.0;
  if (n < params.N) {
    for (var m = local.y; m < params.M; m += 16u) { sum += x[m * params.N + n]; }
  }
  lanes[local.y * 16u + local.x] = sum;
  workgroupBarrier();
  if (local.y != 0u || n >= params.N) { return; }
  for (var lane = 1u; lane < 16u; lane++) { sum += lanes[lane * 16u + local.x]; }
  y[n] = sum;
}
`;
}

export const sumColumnsParams = paramBlock({ size: "u32", M: "u32" });

/** Invocations of a workgroup that have four columns each. */
export const FOURS_WORKGROUP = 16;

/** The same with one invocation a column: no barrier, for few rows. `size` is the number of columns. */
export function sumColumnsAlone(): string {
  return wgsl`
${sumColumnsParams.wgsl}
${storage(read("x"), write("y"))}
${flatMain(wgsl`
  var sum = 0.0;
  for (var m = 0u; m < params.M; m++) { sum += x[m * params.size + i]; }
  y[i] = sum;
`)}
`;
}

/** With one for four, and four rows a turn: on a CPU writing to a sum costs more than an addition. `size` counts fours. */
export function sumColumnFours(): string {
  return wgsl`
${sumColumnsParams.wgsl}
${storage(read("x", "vec4<f32>"), write("y", "vec4<f32>"))}
${flatMain(
  wgsl`
  var sum = vec4<f32>();
  var m = 0u;
  for (; m + 4u <= params.M; m += 4u) {
    let at = m * params.size + i;
    sum += x[at] + x[at + params.size] + x[at + 2u * params.size] + x[at + 3u * params.size];
  }
  for (; m < params.M; m++) { sum += x[m * params.size + i]; }
  y[i] = sum;
`,
  FOURS_WORKGROUP,
)}
`;
}

export const totalParams = paramBlock({ count: "u32", scale: "f32" });

/** y [1] = scale times the sum of partials [count], in one workgroup. */
export function total(): string {
  return wgsl`
${totalParams.wgsl}
${storage(read("partials"), write("y"))}
${sumReduce(REDUCE_WORKGROUP)}
@compute @workgroup_size(${REDUCE_WORKGROUP})
fn main(@builtin(local_invocation_index) local: u32) {
  var sum = 0.0;
  for (var i = local; i < params.count; i += ${REDUCE_WORKGROUP}u) { sum += partials[i]; }
  let result = reduceSum(sum, local);
  if (local == 0u) { y[0] = result * params.scale; }
}
`;
}
