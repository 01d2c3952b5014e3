import { wgsl } from "../wgsl.ts";
import { type MatmulVariant, matmulHead, tileCorner, tileOf, type VectorAccess } from "./common.ts";
import {
  MATRIX_INVOCATIONS,
  type MatrixBlock,
  matrixBuiltins,
  matrixCells,
  matrixHead,
  matrixMemory,
  matrixPlace,
  type SubgroupMatrixShape,
} from "./matrix-cells.ts";

/** Of a product: as many rows of C as columns. */
export const PRODUCT_BLOCK: MatrixBlock = { cellRows: 32, cellColumns: 32, down: 2, across: 2, depth: 32 };
const { depth } = PRODUCT_BLOCK;
/** Rows and columns of C that a workgroup computes. */
export const MATRIX_SIDE = 64;

/**
 * Products of halves by matrix instructions. Blocks of A and B pass through workgroup memory as halves, with zeros behind
 * every edge, so that any shape and any of the three forms is computed by whole matrices.
 */
export function matmulSubgroup(variant: MatmulVariant, vector: VectorAccess, shape: SubgroupMatrixShape): string {
  const { form } = variant;
  const { down, across } = PRODUCT_BLOCK;
  const terms = (multiply: string): string => wgsl`
    for (var k0 = 0u; k0 < params.K; k0 += ${depth}u) {
      workgroupBarrier();
      bring_a(lane, m0, k0);
      bring_b(lane, n0, k0);
      workgroupBarrier();
${multiply}
    }
`;
  const store = (i: number, j: number): string =>
    `storeMatrices(lane, first, first + subgroups, m0, n0, ${i}u, ${j}u);`;
  return wgsl`
${matrixHead}
${matmulHead(variant, vector)}
${matrixMemory(PRODUCT_BLOCK, shape)}
${bringFunction("a", form !== "TN", vector.a)}
${bringFunction("b", form === "NT", vector.b)}
// The matrices at (i, j) of the cells from first to before end.
fn storeMatrices(lane: u32, first: u32, end: u32, m0: u32, n0: u32, i: u32, j: u32) {
  for (var e = lane * 4u; e < ${down * across * shape.M * shape.N}u; e += ${MATRIX_INVOCATIONS * 4}u) {
${matrixPlace(PRODUCT_BLOCK, shape)}
    if (cell >= first && cell < end) {
      store(m0 + m, n0 + n, vec4<f32>(blockC[e], blockC[e + 1u], blockC[e + 2u], blockC[e + 3u]), 0u);
    }
  }
}

@compute @workgroup_size(${MATRIX_INVOCATIONS})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        ${matrixBuiltins}) {
${tileOf(variant, MATRIX_INVOCATIONS)}
${tileCorner([MATRIX_SIDE, MATRIX_SIDE])}
${matrixCells(PRODUCT_BLOCK, shape, "a term's columns", terms, store)}
}
`;
}

/** `bring_a(lane, m0, k0)`, `bring_b(lane, n0, k0)`: a block of an operand into workgroup memory, rows along k for A only. */
function bringFunction(operand: "a" | "b", kContiguous: boolean, vector: boolean): string {
  const size = operand === "a" ? "params.M" : "params.N";
  const index = operand === "a" ? "indexA(o0 + o, k0 + k)" : "indexB(k0 + k, o0 + o)";
  const at = operand === "a" ? `o * ${depth}u + k` : `k * ${MATRIX_SIDE}u + o`;
  // From one element of a vec4 to the next: along k or across it.
  const stride = kContiguous === (operand === "a") ? 1 : operand === "a" ? depth : MATRIX_SIDE;
  const each = vector ? 4 : 1;
  const [fast, slow, length] = kContiguous ? ["k", "o", depth / each] : ["o", "k", MATRIX_SIDE / each];
  const block = `block${operand.toUpperCase()}`;
  const put = vector
    ? [0, 1, 2, 3].map((r) => `    ${block}[at + ${r * stride}u] = f16(value[${r}]);`).join("\n")
    : `    ${block}[at] = f16(value);`;
  return wgsl`
fn bring_${operand}(lane: u32, o0: u32, k0: u32) {
  for (var p = lane; p < ${(MATRIX_SIDE * depth) / each}u; p += ${MATRIX_INVOCATIONS}u) {
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
