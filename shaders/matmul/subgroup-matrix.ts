import { wgsl } from "../wgsl.ts";
import { blockFill, type FillLayout } from "./block-fill.ts";
import { type MatmulVariant, matmulHead, termsOf, tileCorner, tileOf, type VectorAccess } from "./common.ts";
import {
  MATRIX_INVOCATIONS,
  type MatrixBlock,
  matrixBuiltins,
  matrixCells,
  matrixHead,
  matrixMemory,
  matrixPlace,
  matrixViews,
  type SubgroupMatrixShape,
} from "./matrix-cells.ts";

/** Of a product: as many rows of C as columns. Rows of terms begin in different banks of workgroup memory. */
export const PRODUCT_BLOCK: MatrixBlock = { cellRows: 32, cellColumns: 32, down: 2, across: 2, depth: 32, stride: 40 };
const { depth, stride } = PRODUCT_BLOCK;
/** Rows and columns of C that a workgroup computes. */
export const MATRIX_SIDE = 64;

/**
 * Where halves go. Neighbours bring terms of one row, or 32 bytes of one term, and store to different banks. Matrix
 * instructions take so little time that clamps and zeroes beside them are worth a text of their own.
 */
const halves: FillLayout = {
  piece: (p, kContiguous) =>
    kContiguous
      ? [`${p} / ${depth / 4}u`, `${p} % ${depth / 4}u * 4u`]
      : [`${p} % 4u + ${p} / ${depth}u * 4u`, `${p} / 4u % ${depth / 4}u * 4u`],
  store: (block, row, q, value) => {
    const stores = [0, 1, 2, 3].map((t) => `${block}[at + ${t}u] = row.${"xyzw"[t]};`).join(" ");
    return `{ let row = ${value}; let at = (${row}) * ${stride}u + ${q}; ${stores} }`;
  },
};

/**
 * Products of halves by matrix instructions. Blocks of A and B pass through workgroup memory as halves, with zeros behind
 * the last term, so that any shape and any of the three forms, of sums of `length` terms, is computed by whole matrices.
 */
export function matmulSubgroup(
  variant: MatmulVariant,
  vector: VectorAccess,
  shape: SubgroupMatrixShape,
  length: number,
  views = false,
): string {
  const { down, across } = PRODUCT_BLOCK;
  const fill = blockFill(variant.form, vector, {
    blockM: MATRIX_SIDE,
    blockN: MATRIX_SIDE,
    depth,
    invocations: MATRIX_INVOCATIONS,
    terms: length,
    type: "vec4<f16>",
    layout: halves,
  });
  const terms = (multiply: string): string => wgsl`
    for (var k0 = 0u; k0 < kEnd; k0 += ${depth}u) {
${fill.fetch("k0")}
      workgroupBarrier();
${fill.put}
      workgroupBarrier();
${multiply}
    }
`;
  const store = (i: number, j: number): string =>
    `storeMatrices(lane, first, first + subgroups, m0, n0, ${i}u, ${j}u);`;
  return wgsl`
${matrixHead}
${matmulHead(variant, vector)}
${matrixMemory(PRODUCT_BLOCK, shape, views)}
// The matrices at (i, j) of the cells from first to before end.
fn storeMatrices(lane: u32, first: u32, end: u32, m0: u32, n0: u32, i: u32, j: u32) {
${views ? matrixViews(PRODUCT_BLOCK, shape, ["C"]) : ""}
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
${termsOf(false)}
${fill.places}
${views ? matrixViews(PRODUCT_BLOCK, shape, ["A", "B", "C"]) : ""}
${matrixCells(PRODUCT_BLOCK, shape, "a column's terms", terms, store, views)}
}
`;
}
