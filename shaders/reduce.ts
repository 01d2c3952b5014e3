import {
  FLAT_WORKGROUP,
  flatMain,
  flatType,
  read,
  type StorageDeclaration,
  storage,
  sumReduce,
  write,
} from "./common.ts";
import { paramBlock } from "./params.ts";
import { addedInTurns } from "./read-ahead.ts";
import { wgsl } from "./wgsl.ts";

/** Invocations that share a reduction (few: see workgroupReduce), and the most partial sums a first pass leaves. */
export const REDUCE_WORKGROUP = 64;
export const MAX_PARTIALS = 256;

/** `sliceM`: rows of a slice; workgroups along z have a slice each. `N` may count fours. */
export const laneSumParams = paramBlock({ M: "u32", N: "u32", sliceM: "u32" });
/** Columns of one workgroup; its 256 invocations are 16 columns by 16 row lanes, or 4 fours of columns by 64. */
export const LANE_COLUMNS = 16;

/**
 * result [slices, N]: for each of N columns the sum of a term over the rows of each slice. `load` and `term` are those of
 * addedInTurns, for row `k` and column `n`, or `four` neighbours. Lanes are added up in two steps, as many at a time as the
 * root of their number.
 */
export function laneSums(
  arrays: readonly StorageDeclaration[],
  load: (k: string, t: number) => string,
  term: (t: number) => string,
  four: boolean,
): string {
  const type = flatType(four);
  const [wide, tall, root] = four ? [4, 64, 8] : [16, 16, 4];
  return wgsl`
${laneSumParams.wgsl}
${storage(...arrays, write("result", type))}
var<workgroup> lanes: array<${type}, 256>;
@compute @workgroup_size(${wide}, ${tall})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_id) local: vec3<u32>) {
  let n = (group.y * groups.x + group.x) * ${wide}u + local.x;
  let begin = group.z * params.sliceM;
  let end = min(params.M, begin + params.sliceM);
  var sum = ${type}();
  if (n < params.N) {
${addedInTurns({ begin: "begin + local.y", end: "end", step: tall, type }, load, term)}
  }
  let own = local.y * ${wide}u + local.x;
  lanes[own] = sum;
  workgroupBarrier();
  if (local.y < ${root}u) {
    for (var lane = 1u; lane < ${root}u; lane++) { sum += lanes[lane * ${root * wide}u + own]; }
    lanes[own] = sum;
  }
  workgroupBarrier();
  if (local.y != 0u || n >= params.N) { return; }
  for (var lane = 1u; lane < ${root}u; lane++) { sum += lanes[lane * ${wide}u + local.x]; }
  result[group.z * params.N + n] = sum;
}
`;
}

/** Sums over the rows of x [M, N]: the gradient of a bias. */
export const sumRows = (four: boolean): string =>
  laneSums(
    [read("x", flatType(four))],
    (k, t) => `let x${t} = x[${k} * params.N + n];`,
    (t) => `x${t}`,
    four,
  );

export const sumColumnsParams = paramBlock({ size: "u32", M: "u32" });

/** Invocations of a workgroup that have four columns each. */
export const FOURS_WORKGROUP = 16;

/**
 * The same with one invocation a column: no barrier, for few rows. `size` is the number of columns; for adapters on a CPU,
 * where an invocation costs more than an addition, that of fours. Four rows a turn, and those behind the last four in a loop
 * of their own: a CPU pays for places that are clamped.
 */
function sumColumns(four: boolean): string {
  const type = flatType(four);
  return wgsl`
${sumColumnsParams.wgsl}
${storage(read("x", type), write("y", type))}
${flatMain(
  wgsl`
  var sum = ${type}();
  var m = 0u;
  for (; m + 4u <= params.M; m += 4u) {
    let at = m * params.size + i;
    sum += x[at] + x[at + params.size] + x[at + 2u * params.size] + x[at + 3u * params.size];
  }
  for (; m < params.M; m++) { sum += x[m * params.size + i]; }
  y[i] = sum;
`,
  four ? FOURS_WORKGROUP : FLAT_WORKGROUP,
)}
`;
}
export const sumColumnsAlone = (): string => sumColumns(false);
export const sumColumnFours = (): string => sumColumns(true);

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
