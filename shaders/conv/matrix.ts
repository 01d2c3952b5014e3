import {
  columnsOf,
  MATRIX_INVOCATIONS,
  type MatrixBlock,
  matrixBuiltins,
  matrixCells,
  matrixHead,
  matrixMemory,
  matrixPlace,
  rowsOf,
  type SubgroupMatrixShape,
} from "../matmul/matrix-cells.ts";
import { wgsl } from "../wgsl.ts";
import { type ConvEpilogue, finished, ofChannel } from "./common.ts";
import { phaseOf, placeOf, readOf, resultOf } from "./places.ts";
import { productHead } from "./product.ts";

/** Bytes of workgroup memory for the table of terms and that of places. */
export const convMatrixTables = (block: MatrixBlock): number => 16 * block.depth + 4 * columnsOf(block);

/**
 * A convolution or input gradient of halves by matrix instructions. All terms follow each other, element of the kernel by
 * element and channel by channel, so that few channels leave no part of a block empty. A table says of each term of a block
 * where it is met: rows and columns from a place, elements of B from the place's and elements of A from a row's start. A term
 * that is none lies outside of every image, and takes nothing from A.
 */
export function convMatrix(epilogue: ConvEpilogue, block: MatrixBlock, shape: SubgroupMatrixShape): string {
  const { depth, down, across } = block;
  const [rows, columns] = [rowsOf(block), columnsOf(block)];
  const terms = (multiply: string): string => wgsl`
    for (var k0 = 0u; k0 < count; k0 += ${depth}u) {
      workgroupBarrier();
      if (lane < ${depth}u) { table[lane] = termAt(k0 + lane, count, tapsRows, tapsColumns, phaseRows, phaseColumns); }
      workgroupBarrier();
      let t = lane % ${depth}u;
      let live = k0 + t < count;
      let atA = aFirst + table[t].w;
      for (var m = lane / ${depth}u; m < ${rows}u; m += ${MATRIX_INVOCATIONS / depth}u) {
        blockA[m * ${depth}u + t] = f16(select(0.0, a[atA + min(mTile + m, params.M - 1u) * params.aRow], live));
      }
      for (var d = lane / ${columns}u; d < ${depth}u; d += ${MATRIX_INVOCATIONS / columns}u) {
        let term = table[d];
        let met = (row0 + term.x < params.bRows) & (col0 + term.y < params.bColumns);
        blockB[d * ${columns}u + lane % ${columns}u] = f16(select(0.0, b[atB + term.z], met));
      }
      workgroupBarrier();
${multiply}
    }
`;
  const store = (i: number, j: number): string =>
    `storeMatrices(lane, first, first + subgroups, mTile, N - nTile, part, ${i}u, ${j}u);`;
  return wgsl`
${matrixHead}
${productHead(epilogue)}
${matrixMemory(block, shape)}
var<workgroup> table: array<vec4<u32>, ${depth}>;
var<workgroup> places: array<u32, ${columns}>;
// Of the rows or columns of the kernel that a phase meets: their number, the first, and how far they are apart.
fn tapsOf(size: u32, from0: u32, step: u32, phases: u32) -> vec3<u32> {
  var taps = vec3<u32>(0u, 0u, 1u);
  for (var k = 0u; k < size; k++) {
    if (i32(from0 + step * k) % i32(phases) == 0) {
      if (taps.x == 0u) { taps.y = k; }
      if (taps.x == 1u) { taps.z = k - taps.y; }
      taps.x += 1u;
    }
  }
  return taps;
}
fn termAt(term: u32, count: u32, tapsRows: vec3<u32>, tapsColumns: vec3<u32>, phaseRows: u32, phaseColumns: u32) -> vec4<u32> {
  if (term >= count) { return vec4<u32>(0x40000000u, 0x40000000u, 0u, 0u); }
  let channel = term / (tapsRows.x * tapsColumns.x);
  let tap = term % (tapsRows.x * tapsColumns.x);
  let kr = tapsRows.y + tap / tapsColumns.x * tapsRows.z;
  let kc = tapsColumns.y + tap % tapsColumns.x * tapsColumns.z;
  let r = u32(i32(phaseRows + params.tapFromRows + params.tapStepRows * kr) / i32(params.phaseRows));
  let q = u32(i32(phaseColumns + params.tapFromColumns + params.tapStepColumns * kc) / i32(params.phaseColumns));
  let at = channel * params.bRows * params.bColumns + r * params.bColumns + q;
  return vec4<u32>(r, q, at, channel * params.aTerm + kr * params.kernelColumns + kc);
}
// The matrices at (i, j) of the cells from first to before end, of rows from mTile on, in so many columns.
fn storeMatrices(lane: u32, first: u32, end: u32, mTile: u32, columns: u32, part: u32, i: u32, j: u32) {
  for (var e = lane; e < ${down * across * shape.M * shape.N}u; e += ${MATRIX_INVOCATIONS}u) {
${matrixPlace(block, shape)}
    if ((cell >= first) & (cell < end) & (mTile + m < params.M) & (n < columns)) {
      let channel = part * params.M + mTile + m;
      let at = channel * params.rows * params.columns + places[n];
${ofChannel(epilogue, "channel", "params.cImage / (params.rows * params.columns)")}
      c[at] = ${finished(epilogue, "blockC[e]", "at", "channel")};
    }
  }
}

@compute @workgroup_size(${MATRIX_INVOCATIONS})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        ${matrixBuiltins}) {
  let tile = group.y * groups.x + group.x;
  if (tile >= params.tiles) { return; }
  let mTile = tile / params.tilesN * ${rows}u;
${phaseOf}
  let nTile = tile % params.tilesN * ${columns}u;
  if (nTile >= N) { return; }
${placeOf("0", `nTile + lane % ${columns}u`)}
${readOf("0")}
${resultOf("0")}
  if (lane < ${columns}u) { places[lane] = c0; }
  let atB = b0 + row0 * params.bColumns + col0;
  let aFirst = part * params.aGroup;
  let tapsRows = tapsOf(params.kernelRows, phaseRows + params.tapFromRows, params.tapStepRows, params.phaseRows);
  let tapsColumns = tapsOf(params.kernelColumns, phaseColumns + params.tapFromColumns, params.tapStepColumns, params.phaseColumns);
  let count = params.K * tapsRows.x * tapsColumns.x;
${matrixCells(block, shape, "a term's columns", terms, store)}
}
`;
}
