import { turnsOf } from "../turns.ts";
import { lane, range, wgsl } from "../wgsl.ts";
import { type ConvEpilogue, finished, ofChannel } from "./common.ts";
import { placeOf, placesHere, readOf, resultOf } from "./places.ts";
import { lines, productHead, tileMain } from "./product.ts";

/** Channels of a workgroup: of more, what it brings in through the index serves more. */
export type UniformRows = 16 | 32 | 64;
/** Places of a workgroup. */
export const UNIFORM_PLACES = 128;
/** Invocations that have the same channels: what a subgroup has at most. */
export const UNIFORM_ACROSS = 32;
/** Terms that pass through workgroup memory at a time. */
export const UNIFORM_DEPTH = 16;
/** Elements of a kernel at most: no more than a workgroup has invocations, each of which looks up one. */
export const UNIFORM_TAPS = 64;
/** Terms of an element at most: they are counted in half a word. */
export const UNIFORM_TERMS = 2 ** 16 - UNIFORM_DEPTH;
/** Channels and places of an invocation. */
const MINE = 8;
const COLUMNS = UNIFORM_PLACES / UNIFORM_ACROSS;
const FOURS = UNIFORM_DEPTH / 4;
/** Fours behind each row of a block, so that rows begin in different banks of workgroup memory. */
const PAD = 4;
/** Where a place behind the last would lie. */
const NOWHERE = "0xffffffffu";

export const uniformInvocations = (rows: UniformRows): number => (rows / MINE) * UNIFORM_ACROSS;
/** Bytes of workgroup memory: both blocks and both tables. */
export const uniformBytes = (rows: UniformRows): number =>
  16 * (FOURS * (rows + UNIFORM_PLACES + 2 * PAD) + UNIFORM_PLACES + UNIFORM_TAPS);

/** Names of the numbers of one kind that an invocation has. */
const four = (one: (u: number) => string): string => `vec4<f32>(${range(4).map(one).join(", ")})`;

/**
 * A convolution, or its input gradient, for GPUs that multiply by a number which all of a subgroup share as fast as by one of
 * each invocation's own: see matmul/uniform.ts. Such numbers are those of w: 32 invocations have the same eight channels, and
 * four places each.
 *
 * A sum that is added to within loops in loops takes registers for every loop, so there is one over all elements of the kernel
 * and all their terms, and one inside it. What an element means for an index stands in a table, and so does what a place does:
 * registers hold sums, and next to nothing else. Element and first term are one number, since each that a loop changes has
 * registers of its own. An invocation's own place is where a subgroup's begin, and its number in it, for the same reason.
 *
 * Terms behind the last become zeros where fours of terms are not whole, since they may be infinite; fours behind it are not
 * added. Rows behind the last are whatever lies there, and are not stored. `terms` are those of an element of the kernel;
 * `phased` where a stride divides, as in `product.ts`.
 */
export function convUniform(epilogue: ConvEpilogue, rows: UniformRows, terms: number, phased: boolean): string {
  const invocations = uniformInvocations(rows);
  // Each brings a four of terms of w. Where it has two places, its number in the workgroup is all that tells which: the rows'
  // index is the places', and takes no register of its own.
  const tight = invocations < UNIFORM_PLACES;
  const width = tight ? rows : rows + PAD;
  const cell = tight ? `lane % ${invocations}u` : `qA * ${width}u + rowA`;
  // Fours of terms of places that are brought in at a time.
  const step = Math.max(1, invocations / UNIFORM_PLACES);
  const halves = range(Math.max(1, UNIFORM_PLACES / invocations));
  // Of the last four, those that are behind the last term: each zeroes them where it has put them.
  const behind = terms % 4 === 0 ? [] : range(4).slice(terms % 4);
  const bringA = four((u) => `a[atA + ${u}u * params.aTerm]`);
  const bringB = (half: number): string => wgsl`
    let place${half} = places[p + ${half * invocations}u];
    let inside${half} = (place${half}.x + at.x < params.bRows) & (place${half}.y + at.y < params.bColumns);
    let atB${half} = place${half}.z + at.z + (k0 + qB * 4u) * bPlane;
${lines(FOURS / step, (t) => {
  const value = four((u) => `select(0.0, b[atB${half} + ${4 * step * t + u}u * bPlane], inside${half})`);
  return `    blockB[qB + ${step * t}u][p + ${half * invocations}u] = ${value};`;
})}
`;
  const placeAt = (half: number): string => {
    const n = `nTile + p + ${half * invocations}u`;
    const first = `b${half} + row${half} * params.bColumns + col${half}`;
    return wgsl`
${placeOf(`${half}`, n) + readOf(`${half}`) + resultOf(`${half}`, phased)}
  places[p + ${half * invocations}u] =
    vec4<u32>(row${half}, col${half}, ${first}, select(${NOWHERE}, c${half}, ${n} < N));
`;
  };
  // Column after column, so that the others' terms need not be in registers.
  const column = (j: number): string =>
    [
      `      let b${j} = blockB[q][x + ${j * UNIFORM_ACROSS}u];`,
      ...range(MINE).flatMap((i) =>
        range(4).map((t) => `      acc${i}.${lane(j)} += a${i}.${lane(t)} * b${j}.${lane(t)};`),
      ),
    ].join("\n");
  const store = (i: number): string => wgsl`
  if (mTile + first + ${i}u < params.M) {
    let channel = part * params.M + mTile + first + ${i}u;
    let plane = channel * params.rows * params.columns;
${ofChannel(epilogue, "channel", "params.cImage / (params.rows * params.columns)")}
${lines(COLUMNS, (j) => {
  const at = `plane + cOut${j}`;
  return `    if (cOut${j} != ${NOWHERE}) { c[${at}] = ${finished(epilogue, `acc${i}.${lane(j)}`, at, "channel")}; }`;
})}
  }
`;
  /** Of numbers below `width`, one for each invocation, the same after so many. */
  const across = (width: number): string =>
    width < UNIFORM_ACROSS ? `x % ${width}u` : `x + team % ${width / UNIFORM_ACROSS}u * ${UNIFORM_ACROSS}u`;
  const body = wgsl`
${placesHere(phased)}
  let nTile = tile % params.tilesN * ${UNIFORM_PLACES}u;
  if (nTile >= N) { return; }
  let team = min(subgroupBroadcastFirst(lane / ${UNIFORM_ACROSS}u), ${rows / MINE - 1}u);
  let first = team * ${MINE}u;
  let x = lane % ${UNIFORM_ACROSS}u;
  let bPlane = params.bRows * params.bColumns;
  let rowA = ${across(rows)};
  let qA = ${rows < UNIFORM_ACROSS ? `lane / ${rows}u` : `team / ${rows / UNIFORM_ACROSS}u`} % ${FOURS}u;
  let p = ${tight ? cell : across(UNIFORM_PLACES)};
  let qB = team / ${UNIFORM_PLACES / UNIFORM_ACROSS}u % ${step}u;
${halves.map(placeAt).join("\n")}
${tapTable(phased)}
  workgroupBarrier();
  let aAt = part * params.aGroup + qA * 4u * params.aTerm + (mTile + rowA) * params.aRow;
${lines(MINE, (i) => `  var acc${i} = vec4<f32>();`)}
  var state = 0u;
  let turns = (params.K + ${UNIFORM_DEPTH - 1}u) / ${UNIFORM_DEPTH}u * taps;
  ${turnsOf("turn", "turns")}
    let k0 = state & 0xffffu;
    let at = table[(state >> 16u) % ${UNIFORM_TAPS}u];
    let atA = aAt + at.w + k0 * params.aTerm;
    blockA[${cell}] = ${bringA};
${halves.map(bringB).join("\n")}
#if ${behind.length > 0}
    if (k0 + ${UNIFORM_DEPTH}u > params.K) {
      let last = (params.K - k0) / 4u % ${FOURS}u;
      if (last == qA) { ${behind.map((u) => `blockA[${cell}].${lane(u)} = 0.0;`).join(" ")} }
      if (last % ${step}u == qB) {
${halves.map((half) => `        ${behind.map((u) => `blockB[last][p + ${half * invocations}u].${lane(u)} = 0.0;`).join(" ")}`).join("\n")}
      }
    }
#endif
    workgroupBarrier();
    let fours = min(${FOURS}u, (params.K - k0 + 3u) / 4u);
    ${turnsOf("number", "fours")}
      let q = number % ${FOURS}u;
${lines(MINE, (i) => `      let a${i} = blockA[q * ${width}u + first + ${i}u];`)}
${range(COLUMNS).map(column).join("\n")}
    }
    workgroupBarrier();
    state += ${UNIFORM_DEPTH}u;
    // On to the next element of the kernel.
    state = select(state, (state | 0xffffu) + 1u, (state & 0xffffu) >= params.K);
  }
${lines(COLUMNS, (j) => `  let cOut${j} = places[x + ${j * UNIFORM_ACROSS}u].w;`)}
${lines(MINE, store)}
`;
  const memory = wgsl`
var<workgroup> blockA: array<vec4<f32>, ${FOURS * width}>;
var<workgroup> blockB: array<array<vec4<f32>, ${UNIFORM_PLACES + PAD}>, ${FOURS}>;
var<workgroup> places: array<vec4<u32>, ${UNIFORM_PLACES}>;
var<workgroup> table: array<vec4<u32>, ${UNIFORM_TAPS}>;
`;
  const tile = { rows: MINE, shared: false, invocations } as const;
  return `enable subgroups;\n${tileMain(productHead(epilogue) + memory, tile, body, rows)}`;
}

/**
 * A table of the elements of the kernel that meet places of this phase, `taps` of them: how many rows and columns they reach,
 * what that adds to an index of B, and what to one of A. Each invocation has an element.
 */
function tapTable(phased: boolean): string {
  const reach = (axis: string, k: string): string => `params.tapFrom${axis} + params.tapStep${axis} * ${k}`;
  const along = (axis: "Rows" | "Columns", mine: string): string => wgsl`
#if ${phased}
  var met${axis} = 0u;
  var before${axis} = 0u;
  for (var k = 0u; k < params.kernel${axis}; k++) {
    let meets = i32(phase${axis} + ${reach(axis, "k")}) % i32(params.phase${axis}) == 0;
    met${axis} += select(0u, 1u, meets);
    before${axis} += select(0u, 1u, meets & (k < ${mine}));
  }
  let reach${axis} = i32(phase${axis} + ${reach(axis, mine)});
  let tap${axis} = u32(reach${axis} / i32(params.phase${axis}));
#else
  let tap${axis} = ${reach(axis, mine)};
#endif
`;
  return wgsl`
  let kr = lane / params.kernelColumns;
  let kc = lane - kr * params.kernelColumns;
${along("Rows", "kr")}
${along("Columns", "kc")}
  let tap = vec4<u32>(tapRows, tapColumns, tapRows * params.bColumns + tapColumns, lane);
#if ${phased}
  let taps = metRows * metColumns;
  let meets = (reachRows % i32(params.phaseRows) == 0) & (reachColumns % i32(params.phaseColumns) == 0);
  if (meets & (kr < params.kernelRows)) { table[(beforeRows * metColumns + beforeColumns) % ${UNIFORM_TAPS}u] = tap; }
#else
  let taps = params.kernelRows * params.kernelColumns;
  if (lane < taps) { table[lane % ${UNIFORM_TAPS}u] = tap; }
#endif
`;
}
