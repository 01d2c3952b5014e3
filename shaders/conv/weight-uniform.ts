import { turnsOf } from "../turns.ts";
import { lane, range, wgsl } from "../wgsl.ts";
import { lines } from "./product.ts";
import { elementOf, firstPlace, nextPlace, weightSizes } from "./weight-places.ts";
import { weightMain } from "./weight-sums.ts";

/** Invocations that have the same channels of y: what a subgroup has at most. */
const ACROSS = 32;
/** Terms that pass through workgroup memory at a time: a place of y for each of a subgroup. */
export const WEIGHT_UNIFORM_DEPTH = ACROSS;
const FOURS = WEIGHT_UNIFORM_DEPTH / 4;
/** Channels of an invocation. */
const MINE = 8;
/** Elements that are looked up at a time. */
const TOGETHER = 4;
/**
 * Fours behind each row of a block. Of y's so many that fours of channels lie where they can be read 16 numbers at a time; of
 * x's so many that what a subgroup stores, whose terms lie in eight rows, falls into as many banks.
 */
const PAD = { y: 4, x: 1 } as const;

/** What a workgroup computes: channels of y, by 32 elements of their kernels for each column of an invocation. */
export interface WeightUniformTile {
  readonly rows: 32 | 64;
  readonly columns: 2 | 3 | 4;
}

const widths = ({ rows, columns }: WeightUniformTile) => ({ y: rows + PAD.y, x: ACROSS * columns + PAD.x });
export const weightUniformElements = ({ columns }: WeightUniformTile): number => ACROSS * columns;
export const weightUniformInvocations = ({ rows }: WeightUniformTile): number => (rows / MINE) * ACROSS;
/** Bytes of workgroup memory: both blocks, and the tables of elements, places and moves. */
export const weightUniformBytes = (tile: WeightUniformTile): number => {
  const { x, y } = widths(tile);
  return 16 * (FOURS * (x + y) + weightUniformElements(tile) + WEIGHT_UNIFORM_DEPTH + 3);
};

/**
 * The gradient of w for GPUs that multiply by a number which all of a subgroup share as fast as by one of each invocation's
 * own: see matmul/uniform.ts. Such numbers are those of dy: 32 invocations have the same eight channels, and two to four
 * elements of the kernels each.
 *
 * Registers hold sums, and next to nothing else. What an element takes of an index stands in a table, as in `convWeightBlock`;
 * so do a turn's places, which are the same for all subgroups: the first of these moves them on while they all add up, by
 * what stands in a third one. Of what a subgroup brings in each invocation has a place, so that neighbours read neighbours,
 * and all have the same channel or element.
 *
 * Terms behind the last are zeros: their row lies outside of x, and of dy none is taken. Fours behind it are not added.
 * Channels and elements behind the last are whatever lies there, and are not stored.
 */
export function convWeightUniform(tile: WeightUniformTile, sums: boolean): string {
  const { rows, columns } = tile;
  const invocations = weightUniformInvocations(tile);
  const elements = weightUniformElements(tile);
  const width = widths(tile);
  const teams = rows / MINE;
  const each = elements / teams;
  const bringX = (t: number): string => wgsl`
    let in${t} = (xr + e${t}.x < params.xRows) & (place.y + e${t}.y < params.xColumns);
    blockX[toX + ${t}u][d % 4u] = select(0.0, x[place.w + e${t}.z], in${t});
`;
  /** Elements are looked up before any is brought in: what lies side by side is then read at once. */
  const some = (first: number): string =>
    [
      ...range(TOGETHER).map((t) => `    let e${first + t} = elements[mine + ${first + t}u];`),
      ...range(TOGETHER).map((t) => bringX(first + t)),
    ].join("\n");
  // Column after column, so that the others' terms need not be in registers.
  const column = (j: number): string =>
    [
      `      let x${j} = blockX[q * ${width.x}u + d + ${j * ACROSS}u];`,
      ...range(MINE).flatMap((i) => range(4).map((t) => `      acc${i}_${j} += y${i}.${lane(t)} * x${j}.${lane(t)};`)),
    ].join("\n");
  const store = (i: number): string => wgsl`
  if (m + first + ${i}u < params.outGroup) {
${lines(columns, (j) => `    if (to + ${j * ACROSS}u < across) { dw[row + ${i}u * across + to + ${j * ACROSS}u] = acc${i}_${j}; }`)}
  }
`;
  const body = wgsl`
${weightSizes}
  let n = tile % params.tilesN * ${elements}u;
  let m = tile / params.tilesN * ${rows}u;
  let team = min(subgroupBroadcastFirst(lane / ${ACROSS}u), ${teams - 1}u);
  let d = lane % ${ACROSS}u;
  let element = min(n + lane, across - 1u);
${elementOf}
  if (lane < ${elements}u) { elements[lane] = elementHere; }
  if (team == 0u) {
${firstPlace(WEIGHT_UNIFORM_DEPTH, "m")}
    places[d] = vec4<u32>(xr, xc, yAt, xAt);
    if (d == 0u) {
      moves[0] = vec4<u32>(columnsOn, rowLength, rowsOn, height);
      moves[1] = vec4<u32>(yOn, yImage, xOn, xRow);
      moves[2] = vec4<u32>(xImage, 0u, 0u, 0u);
    }
  }
  workgroupBarrier();
  let first = team * ${MINE}u;
  let mine = team * ${each}u;
  let toY = d / 4u * ${width.y}u + first;
  let toX = d / 4u * ${width.x}u + mine;
${range(MINE)
  .flatMap((i) => range(columns).map((j) => `  var acc${i}_${j} = 0.0;`))
  .join("\n")}
  let steps = (max(end, begin) - begin + ${WEIGHT_UNIFORM_DEPTH - 1}u) / ${WEIGHT_UNIFORM_DEPTH}u;
  ${turnsOf("step", "steps")}
    let p0 = begin + step * ${WEIGHT_UNIFORM_DEPTH}u;
    let counts = p0 + d < end;
    let place = places[d];
    let xr = select(0x80000000u, place.x, counts);
    let atY = place.z + first * yPlane;
${lines(MINE, (i) => `    blockY[toY + ${i}u][d % 4u] = select(0.0, dy[atY + ${i}u * yPlane], counts);`)}
${lines(each / TOGETHER, (g) => some(g * TOGETHER))}
    workgroupBarrier();
    let fours = min(${FOURS}u, (end - p0 + 3u) / 4u);
    ${turnsOf("number", "fours")}
      let q = number % ${FOURS}u;
${lines(MINE, (i) => `      let y${i} = blockY[q * ${width.y}u + first + ${i}u];`)}
${lines(columns, column)}
    }
    if (team == 0u) {
${movedOn}
    }
    workgroupBarrier();
  }
  let row = ((params.sliceFirst + slice) * params.out + part * params.outGroup + m + first) * across;
  let to = n + d;
${lines(MINE, store)}
`;
  const memory = wgsl`
var<workgroup> elements: array<vec4<u32>, ${elements}>;
var<workgroup> places: array<vec4<u32>, ${WEIGHT_UNIFORM_DEPTH}>;
var<workgroup> moves: array<vec4<u32>, 3>;
var<workgroup> blockY: array<vec4<f32>, ${FOURS * width.y}>;
var<workgroup> blockX: array<vec4<f32>, ${FOURS * width.x}>;
`;
  return weightMain({ sums, shared: false, invocations, head: "enable subgroups;" }, body, memory);
}

/** Place `d` in the table becomes that of the next turn. */
const movedOn = wgsl`
    let move0 = moves[0];
    let move1 = moves[1];
    let columnsOn = move0.x;
    let rowLength = move0.y;
    let rowsOn = move0.z;
    let height = move0.w;
    let yOn = move1.x;
    let yImage = move1.y;
    let xOn = move1.z;
    let xRow = move1.w;
    let xImage = moves[2].x;
    let here = places[d];
    var xr = here.x;
    var xc = here.y;
    var yAt = here.z;
    var xAt = here.w;
${nextPlace}
    places[d] = vec4<u32>(xr, xc, yAt, xAt);
`;
