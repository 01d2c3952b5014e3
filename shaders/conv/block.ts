import { wgsl } from "../wgsl.ts";
import type { ConvEpilogue } from "./common.ts";
import { columnAt, phaseOf, placeOf, readOf, resultOf, rowAt, tapOf } from "./places.ts";
import { lines, productHead, range, storeTile, sumsOf, tileMain } from "./product.ts";

/** What GPUs differ in: places that an invocation computes, and terms that are written out in a turn of the inner loop. */
export interface BlockTile {
  readonly columns: 4 | 8;
  readonly unroll: 1 | 4;
}
/** Channels of a workgroup and of an invocation, terms that pass through a workgroup's memory at a time, its invocations. */
export const BLOCK = { rows: 32, mine: 4, depth: 16, invocations: 64 } as const;
const { depth, invocations } = BLOCK;
/** Invocations side by side. */
const SIDE = 8;
/** Places of a workgroup. */
export const blockPlaces = ({ columns }: BlockTile): number => SIDE * columns;
/** vec4 in a row of either block. */
const widths = (tile: BlockTile) => ({ a: BLOCK.rows / 4, b: blockPlaces(tile) / 4 });

/** Of both blocks. */
export const blockBytes = (tile: BlockTile): number => {
  const { a, b } = widths(tile);
  return 16 * depth * (a + b);
};

/**
 * Blocks of w, and of B as it is read through the index, pass through workgroup memory, element by element of the kernel: for
 * GPUs. An invocation brings in four channels' or places' elements at some terms, and computes 4 channels at 8 places, or 4:
 * fours that lie apart, so that what the workgroup reads at a time lies side by side.
 *
 * As in the product's blocks, turns are counted and indices are sums of bounded numbers, so that they are proved to lie
 * inside; what lies behind the last term is zeroed in both blocks, since it may be infinite, in a branch that only the last
 * turn takes. Addresses are the same in a workgroup but for a part that is worked out before the turns.
 */
export function convBlock(epilogue: ConvEpilogue, shape: BlockTile): string {
  const { columns, unroll } = shape;
  const width = widths(shape);
  const [strideA, strideB] = [invocations / width.a, invocations / width.b];
  const turnsA = range(depth / strideA);
  const turnsB = range(depth / strideB);
  const quads = range(columns / 4);
  const place = (j: number): string => `nTile + ${4 * (j >> 2) * SIDE + (j % 4)}u + lane % ${SIDE}u * 4u`;
  const tile = { rows: BLOCK.mine, columns, shared: false, invocations } as const;
  const loadsA = turnsA.map((t) => {
    const values = range(4).map((i) => `a[aRow${i} + atA + ${t * strideA}u * params.aTerm]`);
    return `        var a${t} = vec4<f32>(${values.join(", ")});`;
  });
  const loadsB = turnsB.map((t) => {
    const values = range(4).map((d) => `select(0.0, b[atB${d} + atK + ${t * strideB}u * bPlane], inIn${d})`);
    return `        var b${t} = vec4<f32>(${values.join(", ")});`;
  });
  const zero = (name: string, d: string): string => `${name} = select(vec4<f32>(), ${name}, k0 + ${d} < params.K);`;
  const step = (u: number): string => wgsl`
          {
            let rowsOfA = blockA[d + ${u}u][lane / ${SIDE}u];
${lines(quads.length, (q) => `            let fourOfB${q} = blockB[d + ${u}u][${q * SIDE}u + lane % ${SIDE}u];`)}
${lines(BLOCK.mine, (i) =>
  quads
    .map((q) => {
      const sum = `acc[${quads.length * i + q}]`;
      return `            ${sum} = fma(vec4<f32>(rowsOfA.${"xyzw"[i]}), fourOfB${q}, ${sum});`;
    })
    .join("\n"),
)}
          }
`;
  const body = wgsl`
${phaseOf}
  let nTile = tile % params.tilesN * ${blockPlaces(shape)}u;
  if (nTile >= N) { return; }
  let bPlane = params.bRows * params.bColumns;
  let xA = lane % ${width.a}u;
  let dA = lane / ${width.a}u % ${strideA}u;
  let xB = lane % ${width.b}u;
  let dB = lane / ${width.b}u % ${strideB}u;
${lines(4, (d) => placeOf(`In${d}`, `nTile + xB * 4u + ${d}u`) + readOf(`In${d}`))}
  let aFirst = part * params.aGroup + dA * params.aTerm;
${lines(4, (i) => `  let aRow${i} = aFirst + min(mTile + xA * 4u + ${i}u, params.M - 1u) * params.aRow;`)}
${sumsOf(tile)}
  for (var kr = 0u; kr < params.kernelRows; kr++) {
${tapOf("Rows", "kr")}
${lines(4, (d) => rowAt(`In${d}`))}
    for (var kc = 0u; kc < params.kernelColumns; kc++) {
${tapOf("Columns", "kc")}
${lines(4, (d) => columnAt(`In${d}`))}
${lines(4, (d) => `      let atB${d} = atIn${d} + dB * bPlane;`)}
      let tap = kr * params.kernelColumns + kc;
      for (var k0 = 0u; k0 < params.K; k0 += ${depth}u) {
        let atA = tap + k0 * params.aTerm;
        let atK = k0 * bPlane;
${[...loadsA, ...loadsB].join("\n")}
        if (k0 + ${depth}u > params.K) {
${[
  ...turnsA.map((t) => `          ${zero(`a${t}`, `dA + ${t * strideA}u`)}`),
  ...turnsB.map((t) => `          ${zero(`b${t}`, `dB + ${t * strideB}u`)}`),
].join("\n")}
        }
${lines(turnsA.length, (t) => `        blockA[dA + ${t * strideA}u][xA] = a${t};`)}
${lines(turnsB.length, (t) => `        blockB[dB + ${t * strideB}u][xB] = b${t};`)}
        workgroupBarrier();
        for (var q = 0u; q < ${depth / unroll}u; q++) {
          let d = q * ${unroll}u;
${range(unroll).map(step).join("")}
        }
        workgroupBarrier();
      }
    }
  }
  let m = mTile + lane / ${SIDE}u * ${BLOCK.mine}u;
${lines(columns, (j) => placeOf(`Out${j}`, place(j)) + resultOf(`Out${j}`))}
${storeTile(
  epilogue,
  tile,
  "m",
  (j) => `cOut${j}`,
  (j) => `${place(j)} < N`,
)}
`;
  const memory = wgsl`
var<workgroup> blockA: array<array<vec4<f32>, ${width.a}>, ${depth}>;
var<workgroup> blockB: array<array<vec4<f32>, ${width.b}>, ${depth}>;
`;
  return tileMain(productHead(epilogue) + memory, tile, body, BLOCK.rows);
}
