import { wgsl } from "../wgsl.ts";
import { type MatmulVariant, matmulHead, tileOf, type VectorAccess } from "./common.ts";

/** Rows, columns and depth of the matrices that a device multiplies in one instruction of a whole subgroup. */
export interface SubgroupMatrixShape {
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** Invocations of a workgroup, whole subgroups of any size that a device may have. */
export const MATRIX_INVOCATIONS = 128;
/** Elements of C along each side of what a subgroup sums up, cells along each side of a workgroup's block, terms at a time. */
const CELL = 32;
const CELLS = 2;
const DEPTH = 32;
/** Rows and columns of C that a workgroup computes. */
export const MATRIX_BLOCK = CELL * CELLS;

/** Whether cells consist of whole matrices of that shape. */
export const matrixFits = ({ M, N, K }: SubgroupMatrixShape): boolean =>
  [CELL % M, CELL % N, DEPTH % K, N % 4].every((rest) => rest === 0);

/**
 * Products of halves by the device's own matrix instructions (WGSL's chromium_experimental_subgroup_matrix), summed in f32.
 * Blocks of A and B pass through workgroup memory as halves, with zeros behind every edge, so that any shape and any of
 * the three forms is computed by whole matrices. How many subgroups a workgroup has is known to the device alone: with
 * fewer than there are cells, they take several turns. What is summed leaves through workgroup memory too, a matrix of
 * each cell at a time, since a subgroup's matrix has no elements that could be seen.
 */
export function matmulSubgroup(variant: MatmulVariant, vector: VectorAccess, shape: SubgroupMatrixShape): string {
  const { form } = variant;
  const { M, N, K } = shape;
  const range = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i);
  const [down, across] = [range(CELL / M), range(CELL / N)];
  const sums = down.flatMap((i) => across.map((j) => ({ i, j, name: `sum${i}_${j}` })));
  const elements = M * N;
  const left = `subgroup_matrix_left<f16, ${K}, ${M}>`;
  const right = `subgroup_matrix_right<f16, ${N}, ${K}>`;
  const loads = [
    ...down.map(
      (i) =>
        `let a${i} = subgroupMatrixLoad<${left}, row_major>(&blockA, (cellM + ${i * M}u) * ${DEPTH}u + k, ${DEPTH}u);`,
    ),
    ...across.map(
      (j) =>
        `let b${j} = subgroupMatrixLoad<${right}, row_major>(&blockB, k * ${MATRIX_BLOCK}u + cellN + ${j * N}u, ${MATRIX_BLOCK}u);`,
    ),
  ];
  const multiply = sums.map(({ i, j, name }) => `${name} = subgroupMatrixMultiplyAccumulate(a${i}, b${j}, ${name});`);
  const leave = ({ i, j, name }: (typeof sums)[number]): string => wgsl`
    workgroupBarrier();
    if (cell < ${CELLS * CELLS}u) { subgroupMatrixStore<row_major>(&blockC, cell * ${elements}u, ${name}, ${N}u); }
    workgroupBarrier();
    storeMatrices(lane, first, first + subgroups, m0 + ${i * M}u, n0 + ${j * N}u);
`;
  return wgsl`
enable chromium_experimental_subgroup_matrix;
enable subgroups;
enable f16;
// A subgroup's number is the same for all of it, which the compiler has no way to know.
diagnostic(off, chromium.subgroup_matrix_uniformity);
${matmulHead(variant, vector)}
var<workgroup> blockA: array<f16, ${MATRIX_BLOCK * DEPTH}>;
var<workgroup> blockB: array<f16, ${DEPTH * MATRIX_BLOCK}>;
var<workgroup> blockC: array<f32, ${CELLS * CELLS * elements}>;
${bringFunction("a", form !== "TN", vector.a)}
${bringFunction("b", form === "NT", vector.b)}
// The matrices at (m0, n0) of the cells from first to before end.
fn storeMatrices(lane: u32, first: u32, end: u32, m0: u32, n0: u32) {
  for (var e = lane * 4u; e < ${CELLS * CELLS * elements}u; e += ${MATRIX_INVOCATIONS * 4}u) {
    let cell = e / ${elements}u;
    if (cell >= first && cell < end) {
      let m = m0 + (cell / ${CELLS}u) * ${CELL}u + (e % ${elements}u) / ${N}u;
      let n = n0 + (cell % ${CELLS}u) * ${CELL}u + e % ${N}u;
      store(m, n, vec4<f32>(blockC[e], blockC[e + 1u], blockC[e + 2u], blockC[e + 3u]), 0u);
    }
  }
}

@compute @workgroup_size(${MATRIX_INVOCATIONS})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(subgroup_size) subgroupSize: u32, @builtin(local_invocation_index) lane: u32) {
${tileOf(variant, MATRIX_INVOCATIONS)}
  let m0 = (tile / params.tilesN) * ${MATRIX_BLOCK}u;
  let n0 = (tile % params.tilesN) * ${MATRIX_BLOCK}u;
  let subgroups = ${MATRIX_INVOCATIONS}u / subgroupSize;
  let subgroup = lane / subgroupSize;
  for (var first = 0u; first < ${CELLS * CELLS}u; first += subgroups) {
    let cell = first + subgroup;
    let cellM = (cell / ${CELLS}u) * ${CELL}u;
    let cellN = (cell % ${CELLS}u) * ${CELL}u;
${sums.map(({ name }) => `    var ${name}: subgroup_matrix_result<f32, ${N}, ${M}>;`).join("\n")}
    for (var k0 = 0u; k0 < params.K; k0 += ${DEPTH}u) {
      workgroupBarrier();
      bring_a(lane, m0, k0);
      bring_b(lane, n0, k0);
      workgroupBarrier();
      if (cell < ${CELLS * CELLS}u) {
        for (var k = 0u; k < ${DEPTH}u; k += ${K}u) {
          ${[...loads, ...multiply].join("\n          ")}
        }
      }
    }
${sums.map(leave).join("")}
  }
}
`;
}

/** `bring_a(lane, m0, k0)`, `bring_b(lane, n0, k0)`: a block of an operand into workgroup memory, rows along k for A only. */
function bringFunction(operand: "a" | "b", kContiguous: boolean, vector: boolean): string {
  const size = operand === "a" ? "params.M" : "params.N";
  const index = operand === "a" ? "indexA(o0 + o, k0 + k)" : "indexB(k0 + k, o0 + o)";
  const at = operand === "a" ? `o * ${DEPTH}u + k` : `k * ${MATRIX_BLOCK}u + o`;
  // From one element of a vec4 to the next: along k or across it.
  const stride = kContiguous === (operand === "a") ? 1 : operand === "a" ? DEPTH : MATRIX_BLOCK;
  const each = vector ? 4 : 1;
  const [fast, slow, length] = kContiguous ? ["k", "o", DEPTH / each] : ["o", "k", MATRIX_BLOCK / each];
  const block = `block${operand.toUpperCase()}`;
  const put = vector
    ? [0, 1, 2, 3].map((r) => `    ${block}[at + ${r * stride}u] = f16(value[${r}]);`).join("\n")
    : `    ${block}[at] = f16(value);`;
  return wgsl`
fn bring_${operand}(lane: u32, o0: u32, k0: u32) {
  for (var p = lane; p < ${(MATRIX_BLOCK * DEPTH) / each}u; p += ${MATRIX_INVOCATIONS}u) {
    let ${slow} = p / ${length}u;
    let ${fast} = (p % ${length}u) * ${each}u;
    var value = ${vector ? "vec4<f32>()" : "0.0"};
    if (o0 + o < ${size} && k0 + k < params.K) { value = ${operand}[${vector ? `${index} / 4u` : index}]; }
    let at = ${at};
${put}
  }
}
`;
}
