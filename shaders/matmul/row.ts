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
export const ROW_SLICES = 8;
/** Invocations along the columns, and columns of a workgroup. */
export const ROW_LANES = 8;
export const ROW_COLUMNS = ROW_LANES * 4;

/**
 * One row of C, as with a batch of one: limited by the reading of B. An invocation adds up four columns over every
 * eighth k (or every eighth four of k); one barrier later the first eight invocations add those sums. Neighbouring
 * invocations read neighbouring addresses: along n where B lies by rows, along k where it lies by columns (NT).
 */
export function matmulRow(variant: MatmulVariant, vector: VectorAccess): string {
  const { form } = variant;
  const four = [0, 1, 2, 3] as const;
  const alongK = form === "NT";
  const column = (i: number) => `min(n + ${i}u, params.N - 1u)`;
  const k4 = alongK && vector.a && vector.b;
  let body: string;
  if (k4) {
    const dots = four.map((i) => `dot(x, b[indexB(k, ${column(i)}) / 4u])`);
    body = `    let x = a[indexA(m, k) / 4u];\n    sum += vec4<f32>(${dots.join(", ")});`;
  } else if (!alongK && vector.b) {
    body = "    sum += a[indexA(m, k)] * b[indexB(k, n) / 4u];";
  } else {
    body = `    sum += a[indexA(m, k)] * vec4<f32>(${four.map((i) => `b[indexB(k, ${column(i)})]`).join(", ")});`;
  }
  const used = { a: k4, b: k4 || (!alongK && vector.b), c: false };
  const stores = four
    .map((i) => `  if (n + ${i}u < params.N) { c[at + ${i}u] = finish(sum.${"xyzw"[i]}, at + ${i}u, n + ${i}u); }`)
    .join("\n");
  return wgsl`
${matmulParams.wgsl}
${matmulBindings(variant, used)}
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
    for (var k = slice * ${k4 ? 4 : 1}u; k < params.K; k += ${ROW_SLICES * (k4 ? 4 : 1)}u) {
${body}
    }
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
