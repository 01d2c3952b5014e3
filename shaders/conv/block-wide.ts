import { range, wgsl } from "../wgsl.ts";
import { BLOCK, type Blocks, type BlockTile, blockPlaces, countedTurns, SIDE } from "./block-tile.ts";
import { lines } from "./product.ts";

const { depth, invocations } = BLOCK;
/** Terms of a row of either block that lie side by side as vec4s, and one more, so that rows begin in different banks. */
const FOURS = depth / 4;
const ROW = FOURS + 1;

/** Sum of products of two vec4s behind another sum: `along(a, b, sum)`. */
const along = wgsl`
fn along(a: vec4<f32>, b: vec4<f32>, sum: f32) -> f32 {
  return fma(a.w, b.w, fma(a.z, b.z, fma(a.y, b.y, fma(a.x, b.x, sum))));
}
`;

/**
 * Blocks for many registers, in which terms lie side by side: all loads of a turn are under way before one is waited for. What
 * an invocation computes lies as far apart as there are invocations side by side.
 */
export function wideBlocks(shape: BlockTile): Blocks {
  const { columns } = shape;
  const places = blockPlaces(shape);
  /** Fours of terms that are brought in at a time. */
  const [strideA, strideB] = [invocations / BLOCK.rows, invocations / places];
  const turnsA = range(FOURS / strideA);
  const turnsB = range(FOURS / strideB);
  const value = (t: number, stride: number, one: (term: string) => string): string =>
    `vec4<f32>(${range(4)
      .map((u) => one(`${4 * t * stride + u}u`))
      .join(", ")})`;
  const pieceA = (t: number): string => value(t, strideA, (term) => `a[aAt + atA + ${term} * params.aTerm]`);
  const pieceB = (t: number): string =>
    value(t, strideB, (term) => `select(0.0, b[bAt + atK + ${term} * bPlane], inside)`);
  const zeroed = (piece: string, d: string): string =>
    `select(vec4<f32>(), ${piece}, vec4<u32>(k0 + (${d}) * 4u) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(params.K))`;
  const sum = (i: number, j: number): string => `acc${i}_${j >> 2}.${"xyzw"[j % 4]}`;
  const terms = [
    ...range(BLOCK.mine).map((i) => `          let row${i} = blockA[lane / ${SIDE}u + ${i * SIDE}u][d];`),
    ...range(columns).flatMap((j) => [
      `          let place${j} = blockB[lane % ${SIDE}u + ${j * SIDE}u][d];`,
      ...range(BLOCK.mine).map((i) => `          ${sum(i, j)} = along(row${i}, place${j}, ${sum(i, j)});`),
    ]),
  ].join("\n");
  return {
    bytes: 16 * ROW * (BLOCK.rows + places),
    memory: wgsl`
var<workgroup> blockA: array<array<vec4<f32>, ${ROW}>, ${BLOCK.rows}>;
var<workgroup> blockB: array<array<vec4<f32>, ${ROW}>, ${places}>;
${along}
`,
    starts: wgsl`
  let dA = lane / ${BLOCK.rows}u % ${strideA}u;
  let dB = lane / ${places}u % ${strideB}u;
  let bAt = bIn + rowIn * params.bColumns + colIn + dB * 4u * bPlane;
  let aAt = part * params.aGroup + dA * 4u * params.aTerm + (mTile + mine.x) * params.aRow;
`,
    turn: wgsl`
        let atA = tap + k0 * params.aTerm;
        let atK = atTap + k0 * bPlane;
${lines(turnsA.length, (t) => `        var a${t} = ${pieceA(t)};`)}
${lines(turnsB.length, (t) => `        var b${t} = ${pieceB(t)};`)}
        if (k0 + ${depth}u > params.K) {
${lines(turnsA.length, (t) => `          a${t} = ${zeroed(`a${t}`, `dA + ${t * strideA}u`)};`)}
${lines(turnsB.length, (t) => `          b${t} = ${zeroed(`b${t}`, `dB + ${t * strideB}u`)};`)}
        }
${lines(turnsA.length, (t) => `        blockA[mine.x][dA + ${t * strideA}u] = a${t};`)}
${lines(turnsB.length, (t) => `        blockB[mine.y][dB + ${t * strideB}u] = b${t};`)}
        workgroupBarrier();
${countedTurns(shape, "d", FOURS, `(params.K - k0 + 3u) / 4u`)}
${terms}
        }
`,
    channel: `lane / ${SIDE}u`,
    apart: SIDE,
    place: (j) => `lane % ${SIDE}u + ${j * SIDE}u`,
  };
}
