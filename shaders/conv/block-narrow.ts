import { range, wgsl } from "../wgsl.ts";
import { BLOCK, type Blocks, type BlockTile, blockPlaces, countedTurns, SIDE } from "./block-tile.ts";
import { lines } from "./product.ts";

const { depth, invocations } = BLOCK;
/** Terms that are brought in at a time, whose loads are under way together; and in how many turns all are. */
const TOGETHER = 2;
export const NARROW_FILLS = depth / TOGETHER / (invocations / BLOCK.rows);

/**
 * Blocks for few registers, in which channels and places lie side by side: a term needs two vec4s of them, where rows of terms
 * need five. They are brought in term by term, in a loop whose turns are not known to the compiler: written out, each would
 * keep its places in registers over all other loops.
 */
export function narrowBlocks(shape: BlockTile): Blocks {
  const places = blockPlaces(shape);
  /** Terms from one that an invocation brings in to its next. */
  const stride = invocations / places;
  const row = (u: number): string => `${u === 0 ? "q" : `(q + ${u * stride}u)`} % ${depth}u`;
  const put = (u: number): string => wgsl`
          blockA[${row(u)}][mine.x / 4u][mine.x % 4u] = select(0.0, a[atA + ${u}u * aOn], q + ${u * stride}u < left);
          blockB[${row(u)}][mine.y / 4u][mine.y % 4u] = select(0.0, b[atB + ${u}u * bOn], q + ${u * stride}u < leftIn);
`;
  return {
    bytes: 4 * depth * (BLOCK.rows + places),
    memory: wgsl`
var<workgroup> blockA: array<array<vec4<f32>, ${BLOCK.rows / 4}>, ${depth}>;
var<workgroup> blockB: array<array<vec4<f32>, ${places / 4}>, ${depth}>;
`,
    starts: wgsl`
  let d0 = lane / ${places}u;
  let bAt = bIn + rowIn * params.bColumns + colIn + d0 * bPlane;
  let aAt = part * params.aGroup + d0 * params.aTerm + (mTile + mine.x) * params.aRow;
  let aOn = ${stride}u * params.aTerm;
  let bOn = ${stride}u * bPlane;
`,
    turn: wgsl`
        let left = params.K - k0;
        let leftIn = select(0u, left, inside);
        var atA = aAt + tap + k0 * params.aTerm;
        var atB = bAt + atTap + k0 * bPlane;
        for (var q = d0; q < ${depth}u; q += ${TOGETHER * stride}u) {
${lines(TOGETHER, put)}
          atA += ${TOGETHER}u * aOn;
          atB += ${TOGETHER}u * bOn;
        }
        workgroupBarrier();
${countedTurns(shape, "d", depth, "left")}
          let row = blockA[d][lane / ${SIDE}u % ${SIDE}u];
          let place = blockB[d][lane % ${SIDE}u];
${range(BLOCK.mine)
  .map((i) => `          acc${i}_0 = fma(vec4<f32>(row.${"xyzw"[i]}), place, acc${i}_0);`)
  .join("\n")}
        }
`,
    channel: `lane / ${SIDE}u * ${BLOCK.mine}u`,
    apart: 1,
    place: (j) => `lane % ${SIDE}u * 4u + ${j}u`,
  };
}
