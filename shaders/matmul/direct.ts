import { wgsl } from "../wgsl.ts";
import { finishFunction, type MatmulVariant, matmulHead, matmulParams, tileOf, type VectorAccess } from "./common.ts";

/** Invocations of a workgroup in each direction. */
export const DIRECT_SIDE = 8;
/** Elements of C in each direction that an invocation computes, and a workgroup. */
export const DIRECT_TILE = 4;
export const DIRECT_BLOCK = DIRECT_SIDE * DIRECT_TILE;

const four = [0, 1, 2, 3] as const;
const lane = (i: number): string => "xyzw"[i]!;

/**
 * 4 x 4 elements of C an invocation, straight from memory: no workgroup memory and no barrier, which is what software
 * adapters and small products like. Rows and columns behind the edge are read from the last that exists, which costs
 * nothing in the loop, and are not stored.
 */
export function matmulDirect(variant: MatmulVariant, vector: VectorAccess): string {
  const { form } = variant;
  // Four k at a time where an operand lies with k contiguous and is read as vec4.
  const aAlongK = form !== "TN" && vector.a;
  const bAlongK = form === "NT" && vector.b;
  const step = aAlongK || bAlongK ? 4 : 1;
  const loads: string[] = [];
  for (let kk = 0; kk < step; kk++) {
    loads.push(...operandLoads("a", form === "TN", vector.a, kk), ...operandLoads("b", form !== "NT", vector.b, kk));
  }
  const sums: string[] = [];
  if (aAlongK && bAlongK) {
    for (const i of four) {
      sums.push(`    acc${i} += vec4<f32>(${four.map((j) => `dot(a${i}, b${j})`).join(", ")});`);
    }
  } else {
    for (let kk = 0; kk < step; kk++) {
      const av = (i: number) => (aAlongK ? `a${i}.${lane(kk)}` : `a_${kk}.${lane(i)}`);
      const bv = bAlongK ? `vec4<f32>(${four.map((j) => `b${j}.${lane(kk)}`).join(", ")})` : `b_${kk}`;
      for (const i of four) sums.push(`    acc${i} += ${av(i)} * ${bv};`);
    }
  }
  return wgsl`
${matmulHead(variant, vector)}
@compute @workgroup_size(${DIRECT_SIDE}, ${DIRECT_SIDE})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_id) local: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
${tileOf(variant, DIRECT_SIDE * DIRECT_SIDE)}
  let m = (tile / params.tilesN) * ${DIRECT_BLOCK}u + local.y * ${DIRECT_TILE}u;
  let n = (tile % params.tilesN) * ${DIRECT_BLOCK}u + local.x * ${DIRECT_TILE}u;
  if (m >= params.M || n >= params.N) { return; }
  let kBegin = group.z * params.sliceK;
  let kEnd = min(params.K, kBegin + params.sliceK);
${four.map((i) => `  let m${i} = min(m + ${i}u, params.M - 1u); let n${i} = min(n + ${i}u, params.N - 1u);`).join("\n")}
  var acc0 = vec4<f32>(); var acc1 = vec4<f32>(); var acc2 = vec4<f32>(); var acc3 = vec4<f32>();
  for (var k = kBegin; k < kEnd; k += ${step}u) {
${loads.join("\n")}
${sums.join("\n")}
  }
  let base = group.z * params.M * params.N;
  // In a loop: an epilogue is compiled for every place that it is called from.
  var done = array(${four.map((i) => `acc${i}`).join(", ")});
  for (var i = 0u; i < ${DIRECT_TILE}u; i++) { store(m + i, n, done[i], base); }
}
`;
}

/**
 * Named loads of one operand at k + kk. Where its outer dimension (m or n) is contiguous: one vec4 `a_kk` over four m.
 * Where k is: four vec4 `a0` to `a3` over four k, loaded once a step; without vec4, `a_kk` from four scalars.
 */
function operandLoads(operand: "a" | "b", outerContiguous: boolean, vector: boolean, kk: number): string[] {
  const outer = operand === "a" ? "m" : "n";
  const at = (o: string) => (operand === "a" ? `indexA(${o}, k + ${kk}u)` : `indexB(k + ${kk}u, ${o})`);
  if (!vector) {
    const parts = four.map((i) => `${operand}[${at(`${outer}${i}`)}]`);
    return [`    let ${operand}_${kk} = vec4<f32>(${parts.join(", ")});`];
  }
  if (outerContiguous) return [`    let ${operand}_${kk} = ${operand}[${at(outer)} / 4u];`];
  if (kk > 0) return [];
  return four.map((i) => `    let ${operand}${i} = ${operand}[${at(`${outer}${i}`)} / 4u];`);
}

/** Adds the slices that a product divided along K left in scratch, and finishes the elements. */
export function matmulSlices(variant: MatmulVariant): string {
  const { bias, derivative } = variant.epilogue;
  const bindings = [
    "var<storage, read> parts: array<f32>",
    bias ? "var<storage, read> bias: array<f32>" : null,
    derivative !== null ? "var<storage, read> v: array<f32>" : null,
    "var<storage, read_write> c: array<f32>",
  ].filter((d) => d !== null);
  return wgsl`
${matmulParams.wgsl}
${bindings.map((d, i) => `@group(0) @binding(${i + 1}) ${d};`).join("\n")}
${finishFunction(variant)}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  let size = params.M * params.N;
  if (i >= size) { return; }
  var sum = 0.0;
  for (var s = 0u; s < params.slices; s++) { sum += parts[s * size + i]; }
  c[i] = finish(sum, i, i % params.N);
}
`;
}
