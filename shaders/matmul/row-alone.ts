import { range, wgsl } from "../wgsl.ts";
import { type MatmulVariant, matmulHead } from "./common.ts";

/** Invocations of a workgroup, and columns of C that it computes. */
export const ALONE_LANES = 16;
const EACH = 4;
export const ALONE_COLUMNS = ALONE_LANES * EACH;
/** Terms of the sum that are added at a time, where it has whole fours of them. */
const STEP = 4;

/**
 * One row of C, four columns an invocation, each sum from its first to its last term: nothing waits at a barrier, which
 * is what adapters on a CPU take longest for. `terms` is the length of the sum.
 */
export function matmulRowAlone(variant: MatmulVariant, terms: number): string {
  const step = terms % STEP === 0 ? STEP : 1;
  const loads = range(step).flatMap((u) => [
    `    let x${u} = a[indexA(m, k + ${u}u)];`,
    ...range(EACH).map((i) => `    let y${i}_${u} = b[indexB(k + ${u}u, n${i})];`),
  ]);
  const columns = range(EACH).flatMap((i) => [`  let n${i} = min(n + ${i}u, params.N - 1u);`, `  var sum${i} = 0.0;`]);
  const sums = range(EACH).map((i) => {
    const sum = range(step).reduce((before, u) => `fma(x${u}, y${i}_${u}, ${before})`, `sum${i}`);
    return `    sum${i} = ${sum};`;
  });
  const stores = range(EACH).map(
    (i) => `  if (n + ${i}u < params.N) { c[at + ${i}u] = finish(sum${i}, at + ${i}u, n + ${i}u); }`,
  );
  return wgsl`
${matmulHead(variant)}
@compute @workgroup_size(${ALONE_LANES})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let tile = group.y * groups.x + group.x;
  if (tile >= params.tiles) { return; }
  let m = tile / params.tilesN;
  let n = (tile % params.tilesN) * ${ALONE_COLUMNS}u + lane * ${EACH}u;
  if (n >= params.N) { return; }
${columns.join("\n")}
  for (var k = 0u; k < params.K; k += ${step}u) {
${loads.join("\n")}
${sums.join("\n")}
  }
  let at = params.cOffset + m * params.ldc + n;
${stores.join("\n")}
}
`;
}
