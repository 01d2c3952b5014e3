import type { Epilogue } from "../matmul/common.ts";
import { wgsl } from "../wgsl.ts";
import {
  addTerms,
  lines,
  loadedRows,
  productHead,
  range,
  rowStarts,
  storeTile,
  sumsOf,
  TILE_INVOCATIONS,
  type Tile,
  tileMain,
} from "./product.ts";

/**
 * Any convolution and input gradient, straight from memory and without workgroup memory: for adapters on which a load costs
 * far more than a multiply-add and every register lies in a cache anyway. An invocation's places follow each other over rows
 * and images, so only the last can be too many. `step` channels are added in one expression, and divide their number.
 */
export function convGather(epilogue: Epilogue, tile: Tile, step: number): string {
  const { columns } = tile;
  const steps = range(step);
  const tapOf = (axis: "Rows" | "Columns", k: string): string => wgsl`
    let reach${axis} = i32(phase${axis} + params.tapFrom${axis} + params.tapStep${axis} * ${k});
    if (reach${axis} % i32(params.phase${axis}) != 0) { continue; }
    let tap${axis} = u32(reach${axis} / i32(params.phase${axis}));
`;
  const loadsA = steps.flatMap((u) => range(loadedRows(tile)).map((i) => `let a${i}_${u} = a[a${i} + atA${u}];`));
  const body = wgsl`
  let phases = params.phaseRows * params.phaseColumns;
  let part = group.z / phases;
  let phaseRows = group.z % phases / params.phaseColumns;
  let phaseColumns = group.z % params.phaseColumns;
  if (phaseRows >= params.rows || phaseColumns >= params.columns) { return; }
  let rowsHere = (params.rows - phaseRows - 1u) / params.phaseRows + 1u;
  let columnsHere = (params.columns - phaseColumns - 1u) / params.phaseColumns + 1u;
  let N = params.images * rowsHere * columnsHere;
  let nTile = tile % params.tilesN * ${columns * TILE_INVOCATIONS}u;
  if (nTile >= N) { return; }
  let n = nTile + place * ${columns}u;
  let bPlane = params.bRows * params.bColumns;
${rowStarts(tile)}
${lines(
  columns,
  (j) => wgsl`
  let n${j} = min(n + ${j}u, N - 1u);
  let line${j} = n${j} / columnsHere;
  let column${j} = n${j} - line${j} * columnsHere;
  let image${j} = line${j} / rowsHere;
  let r${j} = line${j} - image${j} * rowsHere;
  let row${j} = r${j} * params.originRows;
  let col${j} = column${j} * params.originColumns;
  let b${j} = params.bOffset + image${j} * params.bImage + part * params.bGroup;
  let c${j} = params.cOffset + image${j} * params.cImage + (phaseRows + r${j} * params.phaseRows) * params.columns
            + phaseColumns + column${j} * params.phaseColumns;
`,
)}
${sumsOf(tile)}
  for (var kr = 0u; kr < params.kernelRows; kr++) {
${tapOf("Rows", "kr")}
${lines(columns, (j) => `    let br${j} = row${j} + tapRows; let bl${j} = b${j} + br${j} * params.bColumns;`)}
    for (var kc = 0u; kc < params.kernelColumns; kc++) {
${tapOf("Columns", "kc")}
      let tap = kr * params.kernelColumns + kc;
${lines(
  columns,
  (j) => wgsl`
      let bc${j} = col${j} + tapColumns;
      let in${j} = (br${j} < params.bRows) & (bc${j} < params.bColumns);
      let at${j} = bl${j} + bc${j};
`,
)}
      for (var k = 0u; k < params.K; k += ${step}u) {
${lines(step, (u) => `        let atA${u} = tap + (k + ${u}u) * params.aTerm; let atB${u} = (k + ${u}u) * bPlane;`)}
${loadsA.map((load) => `        ${load}`).join("\n")}
${addTerms(
  tile,
  steps.map((u) => [`${u}`, (j) => `select(0.0, b[at${j} + atB${u}], in${j})`]),
)}
      }
    }
  }
${storeTile(
  tile,
  (j) => `c${j}`,
  (j) => `n + ${j}u < N`,
)}
`;
  return tileMain(productHead(epilogue), tile, body);
}
