import { range, wgsl } from "../wgsl.ts";
import type { ConvEpilogue } from "./common.ts";
import { columnAt, phaseOf, placeOf, readOf, resultOf, rowAt, tapOf } from "./places.ts";
import {
  addTerms,
  lines,
  loadedRows,
  productHead,
  rowStarts,
  storeTile,
  sumsOf,
  type Tile,
  tileMain,
} from "./product.ts";

/**
 * Any convolution and input gradient, straight from memory and without workgroup memory: for adapters on which a load costs
 * far more than a multiply-add and every register lies in a cache anyway. An invocation's places follow each other over rows
 * and images, so only the last can be too many. `step` channels are added in one expression, and divide their number.
 */
export function convGather(epilogue: ConvEpilogue, tile: Tile, step: number): string {
  const { columns } = tile;
  const steps = range(step);
  const loadsA = steps.flatMap((u) => range(loadedRows(tile)).map((i) => `let a${i}_${u} = a[a${i} + atA${u}];`));
  const body = wgsl`
${phaseOf}
  let nTile = tile % params.tilesN * ${columns * tile.invocations}u;
  if (nTile >= N) { return; }
  let n = nTile + place * ${columns}u;
  let bPlane = params.bRows * params.bColumns;
${rowStarts(tile)}
${lines(columns, (j) => placeOf(`${j}`, `n + ${j}u`) + readOf(`${j}`) + resultOf(`${j}`))}
${sumsOf(tile)}
  for (var kr = 0u; kr < params.kernelRows; kr++) {
${tapOf("Rows", "kr")}
${lines(columns, (j) => rowAt(`${j}`))}
    for (var kc = 0u; kc < params.kernelColumns; kc++) {
${tapOf("Columns", "kc")}
      let tap = kr * params.kernelColumns + kc;
${lines(columns, (j) => columnAt(`${j}`))}
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
  epilogue,
  tile,
  "mTile",
  (j) => `c${j}`,
  (j) => `n + ${j}u < N`,
)}
`;
  return tileMain(productHead(epilogue), tile, body);
}
