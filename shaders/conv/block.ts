import { turnsOf } from "../turns.ts";
import { range, wgsl } from "../wgsl.ts";
import { narrowBlocks } from "./block-narrow.ts";
import { BLOCK, type Blocks, type BlockTile, blockPlaces } from "./block-tile.ts";
import { wideBlocks } from "./block-wide.ts";
import type { ConvEpilogue } from "./common.ts";
import { placeOf, placesHere, readOf, resultOf, tapOf } from "./places.ts";
import { lines, productHead, storeTile, tileMain } from "./product.ts";

const blocksOf = (tile: BlockTile): Blocks => (tile.ahead ? wideBlocks(tile) : narrowBlocks(tile));

/** Of both blocks, and of where results lie. */
export const blockBytes = (tile: BlockTile): number => blocksOf(tile).bytes + 4 * blockPlaces(tile);

/** Where a place behind the last would lie. */
const NOWHERE = "0xffffffffu";

/**
 * Blocks of w, and of B as it is read through the index, pass through workgroup memory, element by element of the kernel: for
 * GPUs. An invocation brings in some terms of one channel, and of one place, so that little of the index is kept; it computes
 * 4 channels at 8 places, or 4. `phased` where a stride divides, as in `product.ts`.
 *
 * As in the product's blocks, turns are counted and indices are sums of bounded numbers, so that they are proved to lie
 * inside. Terms behind the last become zeros in both blocks, since they may be infinite. Rows behind the last are whatever
 * lies there, and are not stored.
 */
export function convBlock(epilogue: ConvEpilogue, shape: BlockTile, phased: boolean): string {
  const { columns } = shape;
  const places = blockPlaces(shape);
  const blocks = blocksOf(shape);
  const tile = { rows: BLOCK.mine, columns, shared: false, invocations: BLOCK.invocations } as const;
  const sums = range(BLOCK.mine).flatMap((i) => range(columns / 4).map((q) => `acc${i}_${q}`));
  const body = wgsl`
${placesHere(phased)}
  let nTile = tile % params.tilesN * ${places}u;
  if (nTile >= N) { return; }
  let bPlane = params.bRows * params.bColumns;
  let mine = vec2<u32>(lane % ${BLOCK.rows}u, lane % ${places}u);
${placeOf("In", "nTile + mine.y") + readOf("In") + resultOf("In", phased)}
  // Those who need it are others, and later: until then it would take registers.
  results[mine.y] = select(${NOWHERE}, cIn, nTile + mine.y < N);
  workgroupBarrier();
${blocks.starts}
${sums.map((name) => `  var ${name} = vec4<f32>();`).join("\n")}
  let steps = (params.K + ${BLOCK.depth - 1}u) / ${BLOCK.depth}u;
  for (var kr = 0u; kr < params.kernelRows; kr++) {
${tapOf("Rows", "kr", phased)}
    for (var kc = 0u; kc < params.kernelColumns; kc++) {
${tapOf("Columns", "kc", phased)}
      let inside = (rowIn + tapRows < params.bRows) & (colIn + tapColumns < params.bColumns);
      let tap = kr * params.kernelColumns + kc;
      let atTap = tapRows * params.bColumns + tapColumns;
      ${turnsOf("step", "steps")}
        let k0 = step * ${BLOCK.depth}u;
${blocks.turn}
        workgroupBarrier();
      }
    }
  }
  let acc = array(${sums.join(", ")});
${lines(columns, (j) => `  let cOut${j} = results[${blocks.place(j)}];`)}
${storeTile(
  epilogue,
  tile,
  // Less the one by which it steps itself.
  `mTile + ${blocks.channel}${blocks.apart > 1 ? ` + ${blocks.apart - 1}u * i` : ""}`,
  (j) => `cOut${j}`,
  (j) => `cOut${j} != ${NOWHERE}`,
)}
`;
  const memory = wgsl`
${blocks.memory}
var<workgroup> results: array<u32, ${places}>;
`;
  return tileMain(productHead(epilogue) + memory, tile, body, BLOCK.rows);
}
