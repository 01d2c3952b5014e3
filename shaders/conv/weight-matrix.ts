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
import { weightMain } from "./weight-sums.ts";

/** Bytes of workgroup memory for the table of elements. */
export const weightMatrixTable = (block: MatrixBlock): number => 16 * columnsOf(block);

/**
 * The gradient of w from halves by matrix instructions: rows are channels of y, columns elements of their kernels, of which a
 * table says what the index takes of them, and terms places, one of which a lane brings in for several channels and elements.
 */
export function convWeightMatrix(sums: boolean, block: MatrixBlock, shape: SubgroupMatrixShape): string {
  const { depth, down, across: cellsAcross } = block;
  const [rows, columns] = [rowsOf(block), columnsOf(block)];
  const stride = MATRIX_INVOCATIONS / depth;
  const terms = (multiply: string): string => wgsl`
    for (var p0 = slice * params.sliceLines * params.yColumns; p0 < end; p0 += ${depth}u) {
      workgroupBarrier();
      let d = lane % ${depth}u;
      let live = p0 + d < end;
      let p = min(p0 + d, end - 1u);
      let line = p / params.yColumns;
      let yc = p - line * params.yColumns;
      let image = line / params.yRows;
      let yr = line - image * params.yRows;
      let yAt = params.yOffset + (image * params.out + part * params.outGroup) * yPlane + yr * params.yColumns + yc;
      for (var m = lane / ${depth}u; m < ${rows}u; m += ${stride}u) {
        let value = dy[yAt + min(mTile + m, params.outGroup - 1u) * yPlane];
        blockA[m * ${depth}u + d] = f16(select(0.0, value, live));
      }
      let xr = yr * params.strideRows;
      let xc = yc * params.strideColumns;
      let xAt = params.xOffset + image * params.c * xPlane + xr * params.xColumns + xc;
      for (var n = lane / ${depth}u; n < ${columns}u; n += ${stride}u) {
        let element = elements[n];
        let met = live & (xr + element.x < params.xRows) & (xc + element.y < params.xColumns);
        blockB[n * ${depth}u + d] = f16(select(0.0, x[xAt + element.z], met));
      }
      workgroupBarrier();
${multiply}
    }
`;
  const store = (i: number, j: number): string =>
    `storeMatrices(lane, first, first + subgroups, mTile, nTile, firstSum, ${i}u, ${j}u);`;
  const memory = wgsl`
${matrixMemory(block, shape)}
var<workgroup> elements: array<vec4<u32>, ${columns}>;
// The matrices at (i, j) of the cells from first to before end.
fn storeMatrices(lane: u32, first: u32, end: u32, mTile: u32, nTile: u32, firstSum: u32, i: u32, j: u32) {
  let across = params.cGroup * params.kernelRows * params.kernelColumns;
  for (var e = lane; e < ${down * cellsAcross * shape.M * shape.N}u; e += ${MATRIX_INVOCATIONS}u) {
${matrixPlace(block, shape)}
    if ((cell >= first) & (cell < end) & (mTile + m < params.outGroup) & (nTile + n < across)) {
      dw[firstSum + (mTile + m) * across + nTile + n] = blockC[e];
    }
  }
}
`;
  const body = wgsl`
  let part = group.z / params.slices;
  let xPlane = params.xRows * params.xColumns;
  let yPlane = params.yRows * params.yColumns;
  let taps = params.kernelRows * params.kernelColumns;
  let across = params.cGroup * taps;
  let nTile = tile % params.tilesN * ${columns}u;
  let mTile = tile / params.tilesN * ${rows}u;
  let firstSum = (params.sliceFirst + slice) * params.out * across + part * params.outGroup * across;
  if (lane < ${columns}u) {
    let element = min(nTile + lane, across - 1u);
    let rowHere = element % taps / params.kernelColumns * params.dilationRows - params.beforeRows;
    let columnHere = element % params.kernelColumns * params.dilationColumns - params.beforeColumns;
    let planeHere = (part * params.cGroup + element / taps) * xPlane + rowHere * params.xColumns + columnHere;
    elements[lane] = vec4<u32>(rowHere, columnHere, planeHere, 0u);
  }
  let end = lineEnd * params.yColumns;
${matrixCells(block, shape, "a column's terms", terms, store)}
`;
  const launch = { sums, shared: false, invocations: MATRIX_INVOCATIONS, head: matrixHead, builtins: matrixBuiltins };
  return weightMain(launch, body, memory);
}
