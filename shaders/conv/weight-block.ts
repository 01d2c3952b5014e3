import { turnsOf } from "../turns.ts";
import { range, wgsl } from "../wgsl.ts";
import { type BlockTile, countedTurns } from "./block-tile.ts";
import { lines } from "./product.ts";
import { elementOf, firstPlace, nextPlace, weightSizes } from "./weight-places.ts";
import { weightMain } from "./weight-sums.ts";

/** Channels of y that a workgroup computes: of twice as many, what it brings in of x serves twice as much. */
export type WeightRows = 32 | 64;
/** Terms that pass through its memory at a time. */
export const WEIGHT_DEPTH = 16;
const depth = WEIGHT_DEPTH;
/** Invocations side by side. */
const SIDE = 8;
/** Each has four channels. */
export const weightInvocations = (rows: WeightRows): number => (SIDE * rows) / 4;
/** Elements of the channels' kernels that a workgroup computes. */
export const weightColumns = ({ columns }: BlockTile): number => SIDE * columns;
/** vec4 in a row of either block. */
const widths = (tile: BlockTile, rows: WeightRows) => ({ y: rows / 4, x: weightColumns(tile) / 4 });

/** Of both blocks, and of the table. */
export const weightBlockBytes = (tile: BlockTile, rows: WeightRows): number => {
  const { x, y } = widths(tile, rows);
  return 16 * (depth * (x + y) + weightColumns(tile));
};

/**
 * Blocks of dy, and of x as it is read through the index, pass through workgroup memory: for GPUs. What the index takes of an
 * element of the kernel stands in a table; a lane brings in one place of y, at several channels and elements. From one turn
 * to the next its place moves by as many steps as there are terms, without a division. Rows behind the last are whatever lies
 * there, and are not stored. Turns are counted and terms behind
 * the last are zeroed, as in `convBlock`.
 */
export function convWeightBlock(tile: BlockTile, rows: WeightRows, sums: boolean): string {
  const { columns, unroll, ahead } = tile;
  const width = widths(tile, rows);
  const invocations = weightInvocations(rows);
  const across = weightColumns(tile);
  const stride = invocations / depth;
  const yTurns = width.y / stride;
  const xTurns = width.x / stride;
  const quads = range(columns / 4);
  const loadY = (turn: number): string =>
    `vec4<f32>(${range(4)
      .map((i) => `dy[yAt + ${4 * turn * stride + i}u * yPlane]`)
      .join(", ")})`;
  const tableOf = (turn: number): string => wgsl`
${lines(4, (i) => `    let e${turn}_${i} = elements[(q + ${turn * stride}u) * 4u + ${i}u];`)}
${lines(4, (i) => `    let in${turn}_${i} = (xr + e${turn}_${i}.x < params.xRows) & (xc + e${turn}_${i}.y < params.xColumns);`)}
`;
  const loadX = (turn: number): string =>
    `vec4<f32>(${range(4)
      .map((i) => `select(0.0, x[xAt + e${turn}_${i}.z], in${turn}_${i})`)
      .join(", ")})`;
  const zeroed = (value: string): string => `select(vec4<f32>(), ${value}, counts)`;
  const toY = (t: number): string => `blockY[d][q + ${t * stride}u]`;
  const toX = (t: number): string => `blockX[d][q + ${t * stride}u]`;
  const fill = ahead
    ? wgsl`
${lines(yTurns, (t) => `    var y${t} = ${loadY(t)};`)}
${lines(xTurns, (t) => `${tableOf(t)}    var x${t} = ${loadX(t)};`)}
    if (p0 + ${depth}u > end) {
      let counts = p0 + d < end;
${lines(yTurns, (t) => `      y${t} = ${zeroed(`y${t}`)};`)}
${lines(xTurns, (t) => `      x${t} = ${zeroed(`x${t}`)};`)}
    }
${lines(yTurns, (t) => `    ${toY(t)} = y${t};`)}
${lines(xTurns, (t) => `    ${toX(t)} = x${t};`)}
`
    : wgsl`
    let counts = p0 + d < end;
${lines(yTurns, (t) => `    ${toY(t)} = ${zeroed(loadY(t))};`)}
${lines(xTurns, (t) => `${tableOf(t)}    ${toX(t)} = ${zeroed(loadX(t))};`)}
`;
  const step = (u: number): string => wgsl`
      {
        let ofY = blockY[t + ${u}u][lane / ${SIDE}u];
${lines(quads.length, (v) => `        let ofX${v} = blockX[t + ${u}u][${v * SIDE}u + lane % ${SIDE}u];`)}
${lines(4, (i) =>
  quads
    .map((v) => {
      const sum = `acc[${quads.length * i + v}]`;
      return `        ${sum} = fma(vec4<f32>(ofY.${"xyzw"[i]}), ofX${v}, ${sum});`;
    })
    .join("\n"),
)}
      }
`;
  const body = wgsl`
${weightSizes}
  let n = tile % params.tilesN * ${across}u;
  let m = tile / params.tilesN * ${rows}u;
  let element = min(n + lane, across - 1u);
${elementOf}
#if ${across < invocations}
  if (lane < ${across}u) { elements[lane] = elementHere; }
#else
  elements[lane] = elementHere;
#endif
  workgroupBarrier();
  let d = lane % ${depth}u;
  let q = lane / ${depth}u % ${stride}u;
${firstPlace(depth, "m + q * 4u")}
  var acc: array<vec4<f32>, ${4 * quads.length}>;
  let steps = (max(end, begin) - begin + ${depth - 1}u) / ${depth}u;
  ${turnsOf("step", "steps")}
    let p0 = begin + step * ${depth}u;
${fill}    workgroupBarrier();
    ${countedTurns(tile, "turn", depth / unroll, `(end - p0 + ${unroll - 1}u) / ${unroll}u`)}
      let t = turn * ${unroll}u;
${range(unroll).map(step).join("")}
    }
    workgroupBarrier();
${nextPlace}
  }
  let mHere = m + lane / ${SIDE}u * 4u;
  let nHere = n + lane % ${SIDE}u * 4u;
  let first = (params.sliceFirst + slice) * params.out * across + part * params.outGroup * across;
${lines(
  4,
  (i) =>
    wgsl`
  if (mHere + ${i}u < params.outGroup) {
    let at = first + (mHere + ${i}u) * across;
${range(columns)
  .map((j) => {
    const column = `nHere + ${4 * SIDE * (j >> 2) + (j % 4)}u`;
    return `    if (${column} < across) { dw[at + ${column}] = acc[${quads.length * i + (j >> 2)}].${"xyzw"[j % 4]}; }`;
  })
  .join("\n")}
  }
`,
)}
`;
  const memory = wgsl`
var<workgroup> elements: array<vec4<u32>, ${across}>;
var<workgroup> blockY: array<array<vec4<f32>, ${width.y}>, ${depth}>;
var<workgroup> blockX: array<array<vec4<f32>, ${width.x}>, ${depth}>;
`;
  return weightMain({ sums, shared: false, invocations }, body, memory);
}
