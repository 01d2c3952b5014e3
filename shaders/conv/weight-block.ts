import { wgsl } from "../wgsl.ts";
import { lines, range } from "./product.ts";
import { weightMain } from "./weight-sums.ts";

/** Channels of y and elements of their kernels that a workgroup computes, and terms that pass through its memory at a time. */
export const WEIGHT_BLOCK = { rows: 32, columns: 64, depth: 16, invocations: 64 } as const;
const { rows, columns, depth, invocations } = WEIGHT_BLOCK;
/** vec4 in a row of either block. */
const WIDTH = { y: rows / 4, x: columns / 4 } as const;
/** Fours of rows, and of columns, of an invocation in a block of 8 x 8. */
const SIDE = 8;

/** Of both blocks, and of the table. */
export const WEIGHT_BLOCK_BYTES = 16 * (depth * (WIDTH.y + WIDTH.x) + columns);

/**
 * Blocks of dy, and of x as it is read through the index, pass through workgroup memory: for GPUs. What the index takes of an
 * element of the kernel stands in a table; a lane brings in one place of y, at several channels and elements.
 */
export function convWeightBlock(sums: boolean): string {
  const stride = invocations / depth;
  // Written out: all loads of a turn are under way before the first is waited for.
  const yTurns = WIDTH.y / stride;
  const xTurns = WIDTH.x / stride;
  const loadY = (turn: number): readonly string[] =>
    range(4).map((i) => `dy[yAt + min(m + q * 4u + ${4 * turn * stride + i}u, params.outGroup - 1u) * yPlane]`);
  const loadX = (turn: number): string => wgsl`
${lines(4, (i) => `    let e${turn}_${i} = elements[(q + ${turn * stride}u) * 4u + ${i}u];`)}
${lines(4, (i) => `    let in${turn}_${i} = (xr + e${turn}_${i}.x < params.xRows) & (xc + e${turn}_${i}.y < params.xColumns);`)}
    let x${turn} = vec4<f32>(${range(4)
      .map((i) => `select(0.0, x[xAt + e${turn}_${i}.z], in${turn}_${i})`)
      .join(", ")});
`;
  const body = wgsl`
  let part = group.z / params.slices;
  let xPlane = params.xRows * params.xColumns;
  let yPlane = params.yRows * params.yColumns;
  let taps = params.kernelRows * params.kernelColumns;
  let across = params.cGroup * taps;
  let n = tile % params.tilesN * ${columns}u;
  let m = tile / params.tilesN * ${rows}u;
  let element = min(n + lane, across - 1u);
  let rowHere = element % taps / params.kernelColumns * params.dilationRows - params.beforeRows;
  let columnHere = element % params.kernelColumns * params.dilationColumns - params.beforeColumns;
  let planeHere = (part * params.cGroup + element / taps) * xPlane + rowHere * params.xColumns + columnHere;
  elements[lane] = vec4<u32>(rowHere, columnHere, planeHere, 0u);
  workgroupBarrier();
  var acc: array<vec4<f32>, 8>;
  let end = lineEnd * params.yColumns;
  for (var p0 = slice * params.sliceLines * params.yColumns; p0 < end; p0 += ${depth}u) {
    let d = lane % ${depth}u;
    let p = min(p0 + d, end - 1u);
    let line = p / params.yColumns;
    let yc = p - line * params.yColumns;
    let image = line / params.yRows;
    let yr = line - image * params.yRows;
    let yAt = params.yOffset + (image * params.out + part * params.outGroup) * yPlane + yr * params.yColumns + yc;
    let q = lane / ${depth}u;
${lines(yTurns, (t) => `    let y${t} = vec4<f32>(${loadY(t).join(", ")});`)}
    let xr = yr * params.strideRows;
    let xc = yc * params.strideColumns;
    let xAt = params.xOffset + image * params.c * xPlane + xr * params.xColumns + xc;
${range(xTurns).map(loadX).join("")}
${lines(yTurns, (t) => `    blockY[d * ${WIDTH.y}u + q + ${t * stride}u] = y${t};`)}
${lines(xTurns, (t) => `    blockX[d * ${WIDTH.x}u + q + ${t * stride}u] = x${t};`)}
    workgroupBarrier();
    let terms = min(${depth}u, end - p0);
    for (var t = 0u; t < terms; t++) {
      let y = blockY[t * ${WIDTH.y}u + lane / ${SIDE}u];
      let x0 = blockX[t * ${WIDTH.x}u + lane % ${SIDE}u];
      let x1 = blockX[t * ${WIDTH.x}u + ${SIDE}u + lane % ${SIDE}u];
${lines(
  4,
  (i) =>
    `      acc[${2 * i}] = fma(vec4<f32>(y.${"xyzw"[i]}), x0, acc[${2 * i}]); acc[${2 * i + 1}] = fma(vec4<f32>(y.${"xyzw"[i]}), x1, acc[${2 * i + 1}]);`,
)}
    }
    workgroupBarrier();
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
${range(8)
  .map((j) => {
    const column = `nHere + ${4 * SIDE * (j >> 2) + (j % 4)}u`;
    return `    if (${column} < across) { dw[at + ${column}] = acc[${2 * i + (j >> 2)}].${"xyzw"[j % 4]}; }`;
  })
  .join("\n")}
  }
`,
)}
`;
  const memory = wgsl`
var<workgroup> elements: array<vec4<u32>, ${columns}>;
var<workgroup> blockY: array<vec4<f32>, ${depth * WIDTH.y}>;
var<workgroup> blockX: array<vec4<f32>, ${depth * WIDTH.x}>;
`;
  return weightMain({ sums, shared: false, invocations }, body, memory);
}
