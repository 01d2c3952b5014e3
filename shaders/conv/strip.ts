import { range, wgsl } from "../wgsl.ts";
import type { ConvEpilogue } from "./common.ts";
import { tapOf } from "./places.ts";
import {
  addRow,
  addTerms,
  fours,
  lines,
  loadedRows,
  productHead,
  rowStarts,
  storeTile,
  sumsOf,
  type Tile,
  tileMain,
} from "./product.ts";

/** What is written out for it: elements of a row of the kernel, and places from one column of the result to the next. */
export interface Strip extends Tile {
  readonly taps: number;
  readonly stride: 1 | 2;
  /** Columns of the result are those of one phase, and rows those of the workgroup's: backwards through a stride. */
  readonly phased: boolean;
  /** To save registers, and not shared: w is read channel by channel, and edges are looked at where places are read. */
  readonly few: boolean;
}

/**
 * As `convGather`, where an invocation's places are a strip of one row: the elements of a row of the kernel that move over it
 * read the same places of B, each of which is loaded once. Of the last strip of a row what lies behind the edge is not stored.
 */
export function convStrip(epilogue: ConvEpilogue, strip: Strip): string {
  const { columns, taps, stride, phased, few } = strip;
  const width = (columns - 1) * stride + taps;
  const mine = range(loadedRows(strip));
  const loadA = (i: number, t: number): string => `      let a${i}_${t} = a[a${i} + atA + ${t}u * params.aTapStep];`;
  const loadsX = lines(
    width,
    (j) => `      let x${j} = select(0.0, b[atB + ${j}u], ${few ? `col + ${j}u < edge` : `in${j}`});`,
  );
  const term = (t: number) => [`${t}`, (j: number) => `x${j * stride + t}`] as const;
  const all = range(taps).map(term);
  const terms = few
    ? [
        loadsX,
        fours(strip, all),
        ...mine.flatMap((i) => [...range(taps).map((t) => loadA(i, t)), addRow(strip, i, all)]),
      ]
    : [...mine.flatMap((i) => range(taps).map((t) => loadA(i, t))), loadsX, addTerms(strip, all)];
  const body = wgsl`
#if ${phased}
  let part = group.z / params.phaseRows;
  let phaseRows = group.z % params.phaseRows;
  if (phaseRows >= params.rows) { return; }
  let rowsHere = (params.rows - phaseRows - 1u) / params.phaseRows + 1u;
  let columnsHere = (params.columns - params.firstColumn - 1u) / params.phaseColumns + 1u;
#else
  let part = group.z;
  let rowsHere = params.rows;
  let columnsHere = params.columns;
#endif
  let strips = (columnsHere + ${columns - 1}u) / ${columns}u;
  let N = params.images * rowsHere * strips;
  let n = tile % params.tilesN * ${strip.invocations}u + place;
  let here = min(n, N - 1u);
  let line = here / strips;
  let column = (here - line * strips) * ${columns}u;
  let image = line / rowsHere;
  let r = line - image * rowsHere;
  let bPlane = params.bRows * params.bColumns;
  let bFirst = params.bOffset + image * params.bImage + part * params.bGroup;
#if ${phased}
  let cFirst = params.cOffset + image * params.cImage + (phaseRows + r * params.phaseRows) * params.columns
             + params.firstColumn + column * params.phaseColumns;
#else
  let cFirst = params.cOffset + image * params.cImage + r * params.columns + column;
#endif
  let row = r * params.originRows;
  let col = column * ${stride}u + params.tapFromColumns;
${few ? "" : lines(width, (j) => `  let col${j} = col + ${j}u < params.bColumns;`)}
${rowStarts(strip)}
${sumsOf(strip)}
  for (var kr = 0u; kr < params.kernelRows; kr++) {
#if ${phased}
${tapOf("Rows", "kr")}
    let br = row + tapRows;
#else
    let br = row + params.tapFromRows + params.tapStepRows * kr;
#endif
    let bl = bFirst + br * params.bColumns + col;
${few ? "    let edge = select(0u, params.bColumns, br < params.bRows);" : lines(width, (j) => `    let in${j} = col${j} & (br < params.bRows);`)}
    let tap = kr * ${phased ? "params.kernelColumns" : `${taps}u`};
    for (var k = 0u; k < params.K; k++) {
      let atA = tap + k * params.aTerm;
      let atB = bl + k * bPlane;
${terms.join("\n")}
    }
  }
  let left = select(0u, columnsHere - column, n < N);
${storeTile(
  epilogue,
  strip,
  "mTile",
  (j) => `cFirst + ${j}u${phased ? " * params.phaseColumns" : ""}`,
  (j) => `${j}u < left`,
)}
`;
  return tileMain(productHead(epilogue), strip, body);
}
