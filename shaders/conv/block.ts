import { wgsl } from "../wgsl.ts";
import type { ConvEpilogue } from "./common.ts";
import { columnAt, phaseOf, placeOf, readOf, resultOf, rowAt, tapOf } from "./places.ts";
import { lines, productHead, range, storeTile, sumsOf, tileMain } from "./product.ts";

/** Channels and places of a workgroup, and terms that pass through its memory at a time. */
export const BLOCK = { rows: 32, columns: 64, depth: 16 } as const;
const INVOCATIONS = 64;
/** What an invocation computes of it. */
const MINE = { rows: 4, columns: 8 } as const;
/** vec4 in a row of either block. */
const WIDTH = { a: BLOCK.rows / 4, b: BLOCK.columns / 4 } as const;

/** Of both blocks. */
export const BLOCK_BYTES = 16 * BLOCK.depth * (WIDTH.a + WIDTH.b);

/**
 * Blocks of w, and of B as it is read through the index, pass through workgroup memory, element by element of the kernel: for
 * GPUs. An invocation brings in four places, at every fourth channel of the block, and computes 4 channels at 8 places: two
 * fours, so that what the workgroup reads at a time lies side by side.
 */
export function convBlock(epilogue: ConvEpilogue): string {
  const rowsOfB = INVOCATIONS / WIDTH.b;
  const fours = (q: number): number => q * (WIDTH.b / 2);
  const place = (j: number): string => `nTile + ${4 * fours(j >> 2) + (j % 4)}u + lane % ${WIDTH.b / 2}u * 4u`;
  const tile = { ...MINE, shared: false, invocations: INVOCATIONS } as const;
  const loadB = range(4).map((d) => `select(0.0, b[atIn${d} + k * bPlane], inIn${d})`);
  const loadA = range(4).map((i) => `a[aRow${i} + atA]`);
  const body = wgsl`
${phaseOf}
  let nTile = tile % params.tilesN * ${BLOCK.columns}u;
  if (nTile >= N) { return; }
  let bPlane = params.bRows * params.bColumns;
${lines(4, (d) => placeOf(`In${d}`, `nTile + lane % ${WIDTH.b}u * 4u + ${d}u`) + readOf(`In${d}`))}
  let aFirst = part * params.aGroup;
${lines(4, (i) => `  let aRow${i} = aFirst + min(mTile + lane % ${WIDTH.a}u * 4u + ${i}u, params.M - 1u) * params.aRow;`)}
${sumsOf(tile)}
  for (var kr = 0u; kr < params.kernelRows; kr++) {
${tapOf("Rows", "kr")}
${lines(4, (d) => rowAt(`In${d}`))}
    for (var kc = 0u; kc < params.kernelColumns; kc++) {
${tapOf("Columns", "kc")}
${lines(4, (d) => columnAt(`In${d}`))}
      let tap = kr * params.kernelColumns + kc;
      for (var k0 = 0u; k0 < params.K; k0 += ${BLOCK.depth}u) {
        for (var d = lane / ${WIDTH.a}u; d < ${BLOCK.depth}u; d += ${INVOCATIONS / WIDTH.a}u) {
          let atA = tap + (k0 + d) * params.aTerm;
          blockA[d * ${WIDTH.a}u + lane % ${WIDTH.a}u] = vec4<f32>(${loadA.join(", ")});
        }
        for (var d = lane / ${WIDTH.b}u; d < ${BLOCK.depth}u; d += ${rowsOfB}u) {
          let k = k0 + d;
          blockB[d * ${WIDTH.b}u + lane % ${WIDTH.b}u] = vec4<f32>(${loadB.join(", ")});
        }
        workgroupBarrier();
        let depth = min(${BLOCK.depth}u, params.K - k0);
        for (var d = 0u; d < depth; d++) {
          let rowsOfA = blockA[d * ${WIDTH.a}u + lane / ${WIDTH.b / 2}u];
          let b0 = blockB[d * ${WIDTH.b}u + lane % ${WIDTH.b / 2}u];
          let b1 = blockB[d * ${WIDTH.b}u + ${fours(1)}u + lane % ${WIDTH.b / 2}u];
${lines(MINE.rows, (i) => `          acc[${2 * i}] = fma(vec4<f32>(rowsOfA.${"xyzw"[i]}), b0, acc[${2 * i}]); acc[${2 * i + 1}] = fma(vec4<f32>(rowsOfA.${"xyzw"[i]}), b1, acc[${2 * i + 1}]);`)}
        }
        workgroupBarrier();
      }
    }
  }
  let m = mTile + lane / ${WIDTH.b / 2}u * ${MINE.rows}u;
${lines(MINE.columns, (j) => placeOf(`Out${j}`, place(j)) + resultOf(`Out${j}`))}
${storeTile(
  epilogue,
  tile,
  "m",
  (j) => `cOut${j}`,
  (j) => `${place(j)} < N`,
)}
`;
  const memory = wgsl`
var<workgroup> blockA: array<vec4<f32>, ${BLOCK.depth * WIDTH.a}>;
var<workgroup> blockB: array<vec4<f32>, ${BLOCK.depth * WIDTH.b}>;
`;
  return tileMain(productHead(epilogue) + memory, tile, body, BLOCK.rows);
}
