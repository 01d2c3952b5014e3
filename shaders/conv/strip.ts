import { wgsl } from "../wgsl.ts";
import type { ConvEpilogue } from "./common.ts";
import {
  addTerms,
  lines,
  loadedRows,
  productHead,
  range,
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
}

/**
 * As `convGather`, where an invocation's places are a strip of one row: the elements of a row of the kernel that move over it
 * read the same places of B, each of which is loaded once. Of the last strip of a row what lies behind the edge is not stored.
 */
export function convStrip(epilogue: ConvEpilogue, strip: Strip): string {
  const { columns, taps, stride } = strip;
  const width = (columns - 1) * stride + taps;
  const loadsA = range(loadedRows(strip)).flatMap((i) =>
    range(taps).map((t) => `      let a${i}_${t} = a[a${i} + atA + ${t}u * params.aTapStep];`),
  );
  const body = wgsl`
  let part = group.z;
  let strips = (params.columns + ${columns - 1}u) / ${columns}u;
  let N = params.images * params.rows * strips;
  let n = tile % params.tilesN * ${strip.invocations}u + place;
  let here = min(n, N - 1u);
  let line = here / strips;
  let column = (here - line * strips) * ${columns}u;
  let image = line / params.rows;
  let r = line - image * params.rows;
  let bPlane = params.bRows * params.bColumns;
  let bFirst = params.bOffset + image * params.bImage + part * params.bGroup;
  let cFirst = params.cOffset + image * params.cImage + r * params.columns + column;
  let row = r * params.originRows;
  let col = column * ${stride}u + params.tapFromColumns;
${lines(width, (j) => `  let col${j} = col + ${j}u < params.bColumns;`)}
${rowStarts(strip)}
${sumsOf(strip)}
  for (var kr = 0u; kr < params.kernelRows; kr++) {
    let br = row + params.tapFromRows + params.tapStepRows * kr;
    let bl = bFirst + br * params.bColumns + col;
${lines(width, (j) => `    let in${j} = col${j} & (br < params.bRows);`)}
    let tap = kr * ${taps}u;
    for (var k = 0u; k < params.K; k++) {
      let atA = tap + k * params.aTerm;
      let atB = bl + k * bPlane;
${loadsA.join("\n")}
${lines(width, (j) => `      let x${j} = select(0.0, b[atB + ${j}u], in${j});`)}
${addTerms(
  strip,
  range(taps).map((t) => [`${t}`, (j) => `x${j * stride + t}`]),
)}
    }
  }
  let left = select(0u, params.columns - column, n < N);
${storeTile(
  epilogue,
  strip,
  "mTile",
  (j) => `cFirst + ${j}u`,
  (j) => `${j}u < left`,
)}
`;
  return tileMain(productHead(epilogue), strip, body);
}
