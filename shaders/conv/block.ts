import { wgsl } from "../wgsl.ts";
import type { ConvEpilogue } from "./common.ts";
import { phaseOf, placeOf, readOf, resultOf, tapOf } from "./places.ts";
import { lines, productHead, range, storeTile, tileMain } from "./product.ts";

/** What GPUs differ in. */
export interface BlockTile {
  /** Places, or elements of a kernel, that an invocation computes. */
  readonly columns: 4 | 8;
  /** Terms that are written out in a turn of the inner loop of a kernel's gradient. */
  readonly unroll: 1 | 4;
  /**
   * For many registers: all loads of a turn are under way before one is waited for, and turns of the inner loop are as many as
   * compilers like to write out. Else loads are put away piece after piece, and turns only known when they are run.
   */
  readonly ahead: boolean;
}

/** The inner loop's head, over `most` turns, of which `needed` have something to do; its number is proved to be below `most`. */
export const countedTurns = ({ ahead }: BlockTile, name: string, most: number, needed: string): string =>
  ahead
    ? `for (var ${name} = 0u; ${name} < ${most}u; ${name}++) {`
    : `let turns = min(${most}u, ${needed});
      for (var number = 0u; number < turns; number++) { let ${name} = number % ${most}u;`;
/** Channels of a workgroup and of an invocation, terms that pass through a workgroup's memory at a time, its invocations. */
export const BLOCK = { rows: 32, mine: 4, depth: 16, invocations: 64 } as const;
const { depth, invocations } = BLOCK;
/** Invocations side by side. */
const SIDE = 8;
/** Places of a workgroup. */
export const blockPlaces = ({ columns }: BlockTile): number => SIDE * columns;
/** Terms of a row of either block that lie side by side as vec4s, and one more, so that rows begin in different banks. */
const FOURS = depth / 4;
const ROW = FOURS + 1;

/** Of both blocks, and of where results lie. */
export const blockBytes = (tile: BlockTile): number =>
  16 * ROW * (BLOCK.rows + blockPlaces(tile)) + 4 * blockPlaces(tile);

/** Where a place behind the last would lie. */
const NOWHERE = "0xffffffffu";

/** Sum of products of two vec4s behind another sum: `along(a, b, sum)`. */
const along = wgsl`
fn along(a: vec4<f32>, b: vec4<f32>, sum: f32) -> f32 {
  return fma(a.w, b.w, fma(a.z, b.z, fma(a.y, b.y, fma(a.x, b.x, sum))));
}
`;

/**
 * Blocks of w, and of B as it is read through the index, pass through workgroup memory, element by element of the kernel: for
 * GPUs. An invocation brings in some terms of one channel, and of one place, so that little of the index is kept; it computes
 * 4 channels at 8 places, or 4, which lie as far apart as there are invocations side by side.
 *
 * As in the product's blocks, turns are counted and indices are sums of bounded numbers, so that they are proved to lie
 * inside. Terms behind the last become zeros in both blocks, since they may be infinite. Rows behind the last are whatever
 * lies there, and are not stored.
 */
export function convBlock(epilogue: ConvEpilogue, shape: BlockTile): string {
  const { columns, ahead } = shape;
  const places = blockPlaces(shape);
  /** Fours of terms that are brought in at a time. */
  const [strideA, strideB] = [invocations / BLOCK.rows, invocations / places];
  const turnsA = range(FOURS / strideA);
  const turnsB = range(FOURS / strideB);
  const tile = { rows: BLOCK.mine, columns, shared: false, invocations } as const;
  const value = (t: number, stride: number, one: (term: string) => string): string =>
    `vec4<f32>(${range(4)
      .map((u) => one(`${4 * t * stride + u}u`))
      .join(", ")})`;
  const pieceA = (t: number): string => value(t, strideA, (term) => `a[aAt + atA + ${term} * params.aTerm]`);
  const pieceB = (t: number): string =>
    value(t, strideB, (term) => `select(0.0, b[bAt + atK + ${term} * bPlane], inside)`);
  const toA = (t: number): string => `blockA[mine.x][dA + ${t * strideA}u]`;
  const toB = (t: number): string => `blockB[mine.y][dB + ${t * strideB}u]`;
  const zeroed = (piece: string, d: string): string =>
    `select(vec4<f32>(), ${piece}, vec4<u32>(k0 + (${d}) * 4u) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(params.K))`;
  const fill = ahead
    ? wgsl`
${lines(turnsA.length, (t) => `        var a${t} = ${pieceA(t)};`)}
${lines(turnsB.length, (t) => `        var b${t} = ${pieceB(t)};`)}
        if (k0 + ${depth}u > params.K) {
${lines(turnsA.length, (t) => `          a${t} = ${zeroed(`a${t}`, `dA + ${t * strideA}u`)};`)}
${lines(turnsB.length, (t) => `          b${t} = ${zeroed(`b${t}`, `dB + ${t * strideB}u`)};`)}
        }
${lines(turnsA.length, (t) => `        ${toA(t)} = a${t};`)}
${lines(turnsB.length, (t) => `        ${toB(t)} = b${t};`)}
`
    : wgsl`
${lines(turnsA.length, (t) => `        ${toA(t)} = ${zeroed(pieceA(t), `dA + ${t * strideA}u`)};`)}
${lines(turnsB.length, (t) => `        ${toB(t)} = ${zeroed(pieceB(t), `dB + ${t * strideB}u`)};`)}
`;
  const sum = (i: number, j: number): string => `acc${i}_${j >> 2}.${"xyzw"[j % 4]}`;
  const terms = [
    ...range(BLOCK.mine).map((i) => `          let row${i} = blockA[lane / ${SIDE}u + ${i * SIDE}u][d];`),
    ...range(columns).flatMap((j) => [
      `          let place${j} = blockB[lane % ${SIDE}u + ${j * SIDE}u][d];`,
      ...range(BLOCK.mine).map((i) => `          ${sum(i, j)} = along(row${i}, place${j}, ${sum(i, j)});`),
    ]),
  ].join("\n");
  const sums = range(BLOCK.mine).flatMap((i) => range(columns / 4).map((q) => `acc${i}_${q}`));
  const body = wgsl`
${phaseOf}
  let nTile = tile % params.tilesN * ${places}u;
  if (nTile >= N) { return; }
  let bPlane = params.bRows * params.bColumns;
  let mine = vec2<u32>(lane % ${BLOCK.rows}u, lane % ${places}u);
  let dA = lane / ${BLOCK.rows}u % ${strideA}u;
  let dB = lane / ${places}u % ${strideB}u;
${placeOf("In", "nTile + mine.y") + readOf("In") + resultOf("In")}
  // Those who need it are others, and later: until then it would take registers.
  results[mine.y] = select(${NOWHERE}, cIn, nTile + mine.y < N);
  workgroupBarrier();
  let bAt = bIn + rowIn * params.bColumns + colIn + dB * 4u * bPlane;
  let aAt = part * params.aGroup + dA * 4u * params.aTerm + (mTile + mine.x) * params.aRow;
${sums.map((name) => `  var ${name} = vec4<f32>();`).join("\n")}
  for (var kr = 0u; kr < params.kernelRows; kr++) {
${tapOf("Rows", "kr")}
    for (var kc = 0u; kc < params.kernelColumns; kc++) {
${tapOf("Columns", "kc")}
      let inside = (rowIn + tapRows < params.bRows) & (colIn + tapColumns < params.bColumns);
      let tap = kr * params.kernelColumns + kc;
      let atTap = tapRows * params.bColumns + tapColumns;
      for (var k0 = 0u; k0 < params.K; k0 += ${depth}u) {
        let atA = tap + k0 * params.aTerm;
        let atK = atTap + k0 * bPlane;
${fill}
        workgroupBarrier();
${countedTurns(shape, "d", FOURS, `(params.K - k0 + 3u) / 4u`)}
${terms}
        }
        workgroupBarrier();
      }
    }
  }
  let acc = array(${sums.join(", ")});
${lines(columns, (j) => `  let cOut${j} = results[lane % ${SIDE}u + ${j * SIDE}u];`)}
${storeTile(
  epilogue,
  tile,
  // Rows of an invocation are as far apart as its places.
  `mTile + lane / ${SIDE}u + ${SIDE - 1}u * i`,
  (j) => `cOut${j}`,
  (j) => `cOut${j} != ${NOWHERE}`,
)}
`;
  const memory = wgsl`
var<workgroup> blockA: array<array<vec4<f32>, ${ROW}>, ${BLOCK.rows}>;
var<workgroup> blockB: array<array<vec4<f32>, ${ROW}>, ${places}>;
var<workgroup> results: array<u32, ${places}>;
${along}
`;
  return tileMain(productHead(epilogue) + memory, tile, body, BLOCK.rows);
}
