import { paramBlock } from "../params.ts";
import { fromQuad, QUAD } from "../quads.ts";
import { range, wgsl } from "../wgsl.ts";
import { type ConvEpilogue, epilogueArrays, finishConv, finished, ofChannel } from "./common.ts";

/**
 * A convolution, or its input gradient, as a product C = A B for each group of channels: rows are channels of the result,
 * columns its places, terms the other side's channels at each element of the kernel. A is w; B is read through an index.
 *
 * At an element of the kernel, place [r, q] of the result meets [r origin + tap, q origin + tap] of B. Forward, origin is the
 * stride. Backward the stride divides: only every stride'th place has the same elements of the kernel. So places are taken in
 * phases, one for each remainder, within which the index is as simple as forward, and no term is wasted. A launch may be for
 * one phase of the columns alone, that of firstColumn.
 *
 * Numbers that may be below 0 (tapStep, tapFrom, aTapStep) wrap. a*, b* and c* are elements: from one row, term, group, image,
 * element of the kernel to the next, or to the first.
 */
export const productParams = paramBlock({
  M: "u32",
  K: "u32",
  images: "u32",
  rows: "u32",
  columns: "u32",
  phaseRows: "u32",
  phaseColumns: "u32",
  firstColumn: "u32",
  bRows: "u32",
  bColumns: "u32",
  kernelRows: "u32",
  kernelColumns: "u32",
  originRows: "u32",
  originColumns: "u32",
  tapStepRows: "u32",
  tapStepColumns: "u32",
  tapFromRows: "u32",
  tapFromColumns: "u32",
  aRow: "u32",
  aTerm: "u32",
  aGroup: "u32",
  aTapFrom: "u32",
  aTapStep: "u32",
  bOffset: "u32",
  bImage: "u32",
  bGroup: "u32",
  cOffset: "u32",
  cImage: "u32",
  bandRows: "u32",
  tilesN: "u32",
  tiles: "u32",
  alpha: "f32",
  eps: "f32",
});

/** What an invocation computes. */
export interface Tile {
  /** Channels and places. */
  readonly rows: 1 | 4 | 8 | 16;
  readonly columns: 4 | 8;
  /** The four invocations of a quad have the same channels: each loads a quarter of A, the others take it from its register. */
  readonly shared: boolean;
  /** Invocations of a workgroup. */
  readonly invocations: Invocations;
}

/** On a CPU nothing is shared beyond a quad, and few leave least undone behind an edge; a GPU's subgroups want to be full. */
export type Invocations = 8 | 64;

export const lines = (n: number, line: (i: number) => string): string => range(n).map(line).join("\n");

/** Rows of A that an invocation loads. */
export const loadedRows = ({ rows, shared }: Pick<Tile, "rows" | "shared">): number => (shared ? rows / QUAD : rows);

/** A vec4 accumulator: row i, columns 4 q to 4 q + 3. */
const sumOf = ({ columns }: Tile, i: number, q: number): string => `acc[${(i * columns) / 4 + q}]`;

/** Parameters, bindings A, B, those of the epilogue, C, and what becomes of a sum. */
export function productHead(epilogue: ConvEpilogue): string {
  const declarations = [
    "var<storage, read> a: array<f32>",
    "var<storage, read> b: array<f32>",
    ...epilogueArrays(epilogue).map((name) => `var<storage, read> ${name}: array<f32>`),
    "var<storage, read_write> c: array<f32>",
  ];
  return wgsl`
${productParams.wgsl}
${declarations.map((d, i) => `@group(0) @binding(${i + 1}) ${d};`).join("\n")}
${finishConv(epilogue)}
`;
}

/**
 * The kernel around `body`, which has `tile`, its first row `mTile`, of `rows` in a workgroup, and `place`, the invocation's
 * number in it.
 */
export function tileMain(
  head: string,
  tile: Pick<Tile, "rows" | "shared"> & { readonly invocations: number },
  body: string,
  rows: number = tile.rows,
): string {
  return wgsl`
#if ${tile.shared}
enable subgroups;
#endif
${head}
@compute @workgroup_size(${tile.invocations})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
#if ${tile.shared}
        @builtin(subgroup_invocation_id) inSubgroup: u32,
#endif
        @builtin(local_invocation_index) lane: u32) {
  let tile = group.y * groups.x + group.x;
  if (tile >= params.tiles) { return; }
  let mTile = tile / params.tilesN * ${rows}u;
#if ${tile.shared}
  // Which rows a lane loads follows from its place in the quad, as swaps count it.
  let inQuad = inSubgroup % ${QUAD}u;
  let place = quadBroadcast(lane, 0u) + inQuad;
  let mA = mTile + inQuad * ${loadedRows(tile)}u;
#else
  let place = lane;
  let mA = mTile;
#endif
${body}
}
`;
}

/** Where each row begins that is loaded. Behind the last row that one is read again, and not stored. */
export const rowStarts = (tile: Tile): string =>
  lines(
    loadedRows(tile),
    (i) => `  let a${i} = part * params.aGroup + min(mA + ${i}u, params.M - 1u) * params.aRow + params.aTapFrom;`,
  );

/** Suffixes of A's registers, and for each what it is multiplied by in column j. */
type Terms = readonly (readonly [suffix: string, b: (j: number) => string])[];
const quadsOf = ({ columns }: Tile): readonly number[] => range(columns / 4);

/** What terms are multiplied by, four columns at a time. */
export const fours = (tile: Tile, terms: Terms): string =>
  terms
    .flatMap(([suffix, b]) =>
      quadsOf(tile).map((q) => {
        const four = range(4).map((d) => b(4 * q + d));
        return `      let b${q}_${suffix} = vec4<f32>(${four.join(", ")});`;
      }),
    )
    .join("\n");

/**
 * Adds one product or more to every sum of row i, as one expression: a variable that is written in a loop costs more than a
 * term.
 */
export function addRow(tile: Tile, i: number, terms: Terms): string {
  const mine = loadedRows(tile);
  const value = (suffix: string): string =>
    tile.shared ? fromQuad[Math.floor(i / mine)]!(`a${i % mine}_${suffix}`) : `a${i}_${suffix}`;
  return [
    ...terms.map(([suffix]) => `      let row${i}_${suffix} = vec4<f32>(${value(suffix)});`),
    ...quadsOf(tile).map((q) => {
      const sum = terms.reduce((before, [s]) => `fma(row${i}_${s}, b${q}_${s}, ${before})`, sumOf(tile, i, q));
      return `      ${sumOf(tile, i, q)} = ${sum};`;
    }),
  ].join("\n");
}

export const addTerms = (tile: Tile, terms: Terms): string =>
  [fours(tile, terms), ...range(tile.rows).map((i) => addRow(tile, i, terms))].join("\n");

export const sumsOf = ({ rows, columns }: Tile): string => `  var acc: array<vec4<f32>, ${(rows * columns) / 4}>;`;

/** Stores the sums of rows from `m` on: column j at `at(j)` of each plane, where `exists(j)`. */
export function storeTile(
  epilogue: ConvEpilogue,
  tile: Tile,
  m: string,
  at: (j: number) => string,
  exists: (j: number) => string,
): string {
  const { rows, columns, shared } = tile;
  const mine = loadedRows(tile);
  const value = (j: number): string => `done[held * ${columns / 4}u + ${j >> 2}u].${"xyzw"[j % 4]}`;
  return wgsl`
  // In a loop, since an epilogue may be long and is compiled for every place that it is called from; over a copy, since
  // an array is no longer kept in registers when its index is a variable anywhere.
  var done = array(${range((rows * columns) / 4)
    .map((i) => `acc[${i}]`)
    .join(", ")});
  for (var i = 0u; i < ${rows}u; i++) {
    if (${m} + i >= params.M) { break; }
    let held = ${shared ? `((i / ${mine}u) ^ inQuad) * ${mine}u + i % ${mine}u` : "i"};
    let channel = part * params.M + ${m} + i;
    let plane = channel * params.rows * params.columns;
${ofChannel(epilogue, "channel", "params.cImage / (params.rows * params.columns)")}
${lines(
  columns,
  (j) =>
    `    if (${exists(j)}) { c[plane + ${at(j)}] = ${finished(epilogue, value(j), `plane + ${at(j)}`, "channel")}; }`,
)}
  }
`;
}
