import { addedInTurns, type Turns } from "../read-ahead.ts";
import { wgsl } from "../wgsl.ts";
import {
  finishFunction,
  type MatmulVariant,
  matmulBindings,
  matmulParams,
  operandIndex,
  type VectorAccess,
} from "./common.ts";

/** Invocations that share the sum of one column. */
export const ROW_SLICES = 32;
/** Invocations along the columns, and columns of a workgroup. */
export const ROW_LANES = 8;
export const ROW_COLUMNS = ROW_LANES * 4;
/** Loads of B in a turn of an invocation's loop. */
const IN_FLIGHT = 8;

/**
 * One row of C, as with a batch of one: limited by the reading of B. An invocation adds up four columns over every
 * 32nd k (or every 32nd four of k); one barrier later the first eight invocations add those sums. Neighbouring
 * invocations read neighbouring addresses: along n where B lies by rows, along k where it lies by columns (NT).
 * What decides is how many loads are under way.
 */
export function matmulRow(variant: MatmulVariant, vector: VectorAccess): string {
  const { form } = variant;
  const four = [0, 1, 2, 3] as const;
  const alongK = form === "NT";
  const k4 = alongK && vector.a && vector.b;
  const n4 = !alongK && vector.b;
  const each = k4 ? 4 : 1;
  const ahead = IN_FLIGHT / (n4 ? 1 : 4);
  const column = (i: number) => `min(n + ${i}u, params.N - 1u)`;
  const load = (k: string, t: number): string => {
    const ofB = n4
      ? [`let y${t} = b[indexB(${k}, n) / 4u];`]
      : four.map((i) => `let y${t}_${i} = b[indexB(${k}, ${column(i)})${k4 ? " / 4u" : ""}];`);
    return [`let x${t} = a[indexA(m, ${k})${k4 ? " / 4u" : ""}];`, ...ofB].join(" ");
  };
  const term = (t: number): string => {
    if (n4) return `x${t} * y${t}`;
    return `vec4<f32>(${four.map((i) => (k4 ? `dot(x${t}, y${t}_${i})` : `x${t} * y${t}_${i}`)).join(", ")})`;
  };
  const turns: Turns = {
    begin: `slice * ${each}u`,
    end: "params.K",
    step: ROW_SLICES * each,
    type: "vec4<f32>",
    ahead,
    each,
  };
  const stores = four
    .map((i) => `  if (n + ${i}u < params.N) { c[at + ${i}u] = finish(sum.${"xyzw"[i]}, at + ${i}u, n + ${i}u); }`)
    .join("\n");
  return wgsl`
${matmulParams.wgsl}
${matmulBindings(variant, { a: k4, b: k4 || n4, c: false })}
${operandIndex(form)}
${finishFunction(variant)}
var<workgroup> parts: array<vec4<f32>, ${ROW_SLICES * ROW_LANES}>;
@compute @workgroup_size(${ROW_LANES * ROW_SLICES})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let tile = group.y * groups.x + group.x;
  if (tile >= params.tiles) { return; }
  let m = tile / params.tilesN;
#if ${alongK}
  let column = lane / ${ROW_SLICES}u;
  let slice = lane % ${ROW_SLICES}u;
#else
  let column = lane % ${ROW_LANES}u;
  let slice = lane / ${ROW_LANES}u;
#endif
  let n = (tile % params.tilesN) * ${ROW_COLUMNS}u + column * 4u;
  var sum = vec4<f32>();
  if (n < params.N) {
${addedInTurns(turns, load, term)}
  }
  parts[slice * ${ROW_LANES}u + column] = sum;
  workgroupBarrier();
  if (slice != 0u || n >= params.N) { return; }
  for (var s = 1u; s < ${ROW_SLICES}u; s++) { sum += parts[s * ${ROW_LANES}u + column]; }
  let at = params.cOffset + m * params.ldc + n;
${stores}
}
`;
}
