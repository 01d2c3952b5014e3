import type { TensorSpec } from "../../graph/graph.ts";
import type { WasmCall, WasmPlan } from "../../graph/op.ts";
import { input, output, scratch } from "../shared/dispatch-plan.ts";
import { partsOf } from "../shared/wasm-plan.ts";
import type { Axis, ConvDims } from "./geometry.ts";
import { takesWinograd } from "./winograd.ts";

/** How wasm/conv.ts and wasm/conv-weights.ts are called: planes, tables and panels are described there. */

/** Places of the kernel along one axis that a residue of the result takes terms from, and where each reads. */
interface Residue {
  /** Its first place, and how many it has. */
  readonly first: number;
  readonly count: number;
  readonly taps: readonly { readonly k: number; readonly phase: number; readonly at: number }[];
}

/** One axis of what is read, laid out anew, and of the result. */
interface Walk {
  /** Places of the image, phases into which they are divided, zeros in front, places of a phase. */
  readonly size: number;
  readonly phases: number;
  readonly front: number;
  readonly length: number;
  /** Places of the result, and steps from one to the next of a residue. */
  readonly result: number;
  readonly step: number;
  readonly residues: readonly Residue[];
}

const ks = (kernel: number): number[] => Array.from({ length: kernel }, (_, k) => k);

/** x is read and y made: place j of y has its terms from places j stride + k dilation - before of x. */
function forwardWalk({ x, y, kernel, stride, before, dilation }: Axis): Walk {
  const taps = ks(kernel).map((k) => ({
    k,
    phase: (k * dilation) % stride,
    at: Math.floor((k * dilation) / stride),
  }));
  const length = y + taps.at(-1)!.at;
  const residues = [{ first: 0, count: y, taps }];
  return { size: x, phases: stride, front: before, length, result: y, step: 1, residues };
}

/** dy is read and dx made: place r + j stride of dx has its terms from places j + (r + before - k dilation) / stride of dy. */
function backwardWalk({ x, y, kernel, stride, before, dilation }: Axis): Walk {
  const found = ks(Math.min(stride, x)).map((first) => {
    const taps = ks(kernel)
      .map((k) => ({ k, phase: 0, at: (first + before - k * dilation) / stride }))
      .filter(({ at }) => Number.isInteger(at));
    return { first, count: Math.ceil((x - first) / stride), taps };
  });
  const front = Math.max(0, ...found.flatMap(({ taps }) => taps.map(({ at }) => -at)));
  const residues = found.map((r) => ({ ...r, taps: r.taps.map((t) => ({ ...t, at: t.at + front })) }));
  const length = Math.max(1, ...residues.flatMap(({ count, taps }) => taps.map(({ at }) => count + at)));
  return { size: y, phases: 1, front, length, result: x, step: stride, residues };
}

/** Floats that a channel takes in planes: kernels read a line and some more behind the last, of which nothing is kept. */
function roomOf(rows: Walk, columns: Walk): number {
  const planes = rows.phases * columns.phases * rows.length * columns.length;
  return Math.ceil((planes + columns.length + 20) / 4) * 4;
}

/** The nine words of wasm/conv-planes.ts. */
const planeWords = (rows: Walk, columns: Walk): number[] => [
  ...[rows.size, columns.size, rows.phases, columns.phases, rows.front, columns.front],
  ...[rows.length, columns.length, roomOf(rows, columns)],
];

/** Rows for which panels have room in either build. */
const PANEL = 12;
const paneled = (rows: number): number => Math.ceil(rows / PANEL) * PANEL;
/** Multiply-adds that are worth a part, the most parts, and floats that planes of all parts may take together. */
const PART = 2 ** 20;
const MOST_PARTS = 32;
const MOST_PLANES = 2 ** 22;
/** Parts that are wanted where images are few: as many as there may be threads. */
const THREADS = 8;

const floats = (size: number): TensorSpec => ({ shape: [Math.max(1, size)], dtype: "f32" });

function partsFor(work: number, units: number, planes: number): number {
  const room = Math.max(THREADS, Math.floor(MOST_PLANES / planes));
  return Math.max(1, Math.min(units, Math.floor(work / PART), MOST_PARTS, room));
}

/** Where the elements of the kernel lie for the product: rows of the result and channels that are read, in a group. */
interface Operand {
  readonly M: number;
  readonly C: number;
  readonly strides: readonly [group: number, row: number, channel: number];
}

/** The product of input 1, the kernel, and input 0, which is read through the index. */
function product(dims: ConvDims, rows: Walk, columns: Walk, { M, C, strides }: Operand): WasmPlan {
  const { n, groups } = dims;
  const room = roomOf(rows, columns);
  const planes = C * room;
  const pairs = rows.residues.flatMap((r) => columns.residues.map((c) => [r, c] as const));
  const calls: WasmCall[] = [];
  const words: number[] = [];
  let [table, panels, work] = [0, 0, 0];
  for (const [r, c] of pairs) {
    const taps = r.taps.flatMap((tr) =>
      c.taps.map((tc) => ({
        k: tr.k * dims.columns.kernel + tc.k,
        at: ((tr.phase * columns.phases + tc.phase) * rows.length + tr.at) * columns.length + tc.at,
      })),
    );
    const K = C * taps.length;
    const numbers = [
      groups,
      M,
      C,
      ...strides,
      panels,
      table,
      room,
      taps.length,
      ...taps.flatMap(({ k, at }) => [k, at]),
    ];
    calls.push({
      fn: "packKernel",
      args: [input(1), scratch(0, "read_write"), scratch(1, "read_write"), ...numbers],
      parts: partsOf(groups * M * K),
    });
    words.push(r.first, c.first, r.count, c.count, K, table, panels);
    table += K;
    panels += groups * paneled(M) * K;
    work += n * groups * M * K * r.count * c.count;
  }
  const most = Math.ceil(rows.result / rows.step);
  const blocks = Math.max(1, Math.min(Math.ceil(THREADS / (n * groups)), Math.floor(most / 4)));
  const parts = partsFor(work, n * groups * blocks, planes);
  const values = [input(0), scratch(0, "read_write"), scratch(1, "read_write"), output(0), scratch(2, "read_write")];
  const sizes = [n, groups, C, M, planes, blocks, ...planeWords(rows, columns)];
  const result = [rows.result, columns.result, rows.step, columns.step, pairs.length, ...words];
  calls.push({ fn: "convolve", args: [...values, ...sizes, ...result], parts });
  return { scratch: [floats(panels), floats(table), floats(parts * planes)], calls };
}

/** Tiles of a band: what is made of one stays in the second cache. */
const BAND_TILES = 56;

/** One axis of what is read by tiles of two places, with the zeros that the last of them reads. */
const tiledWalk = (size: number, result: number, front: number): Walk => ({
  ...{ size, phases: 1, front, length: 2 * Math.ceil(result / 2) + 2, result, step: 1, residues: [] },
});

/** Input 0 with kernels of 3 x 3, input 1, by Winograd's tiles. `flipped` reads each kernel from its last element. */
function tiles(n: number, rows: Walk, columns: Walk, { M, C, strides }: Operand, flipped: boolean): WasmPlan {
  const [down, across] = [Math.ceil(rows.result / 2), Math.ceil(columns.result / 2)];
  const band = Math.max(1, Math.min(down, Math.floor(BAND_TILES / across)));
  const wide = Math.ceil((band * across) / 8) * 8;
  const fours = Math.ceil(M / 4) * 4;
  const piece = C * roomOf(rows, columns) + 16 * (C + fours) * wide;
  const units = n * Math.ceil(down / band);
  const parts = partsFor(n * M * C * rows.result * columns.result * 4, units, piece);
  const [u, room] = [scratch(0, "read_write"), scratch(1, "read_write")];
  const kernels = [M, C, strides[1], strides[2], flipped ? 8 : 0, flipped ? -1 : 1];
  const sizes = [n, C, M, rows.result, columns.result, down, across, band, wide, piece];
  return {
    scratch: [floats(16 * fours * C), floats(parts * piece)],
    calls: [
      { fn: "turnKernels", args: [input(1), u, ...kernels], parts: partsOf(16 * fours * C) },
      { fn: "winograd", args: [input(0), u, output(0), room, ...sizes, ...planeWords(rows, columns)], parts },
    ],
  };
}

export function forwardCalls(dims: ConvDims): WasmPlan {
  const { cGroup, outGroup, rows, columns } = dims;
  const taps = rows.kernel * columns.kernel;
  const operand: Operand = { M: outGroup, C: cGroup, strides: [outGroup * cGroup * taps, cGroup * taps, taps] };
  if (takesWinograd(dims, "y")) {
    const walk = ({ x, y, before }: Axis): Walk => tiledWalk(x, y, before);
    return tiles(dims.n, walk(rows), walk(columns), operand, false);
  }
  return product(dims, forwardWalk(rows), forwardWalk(columns), operand);
}

export function inputGradientCalls(dims: ConvDims): WasmPlan {
  const { cGroup, outGroup, rows, columns } = dims;
  const taps = rows.kernel * columns.kernel;
  const operand: Operand = { M: cGroup, C: outGroup, strides: [outGroup * cGroup * taps, taps, cGroup * taps] };
  if (takesWinograd(dims, "x")) {
    const walk = ({ x, y, before }: Axis): Walk => tiledWalk(y, x, 2 - before);
    return tiles(dims.n, walk(rows), walk(columns), operand, true);
  }
  return product(dims, backwardWalk(rows), backwardWalk(columns), operand);
}

/** Multiply-adds of the kernel's gradient that are worth a part of it: each part lays x or dy out again. */
const PIECE = 2 ** 21;

/** What laying four places out costs, in products of four: each stretch of rows lays all of x out, each of columns all of dy. */
const LAID_OUT = 3;

/** Rows that tiles of six and of four compute for so many. */
const tileRows = (rows: number): number => {
  const rest = rows % 6;
  return rows - rest + (rest > 4 ? 6 : rest > 0 ? 4 : 0);
};

/** Into how many stretches of columns and of rows the result is divided, so that there are at least `wanted` pieces. */
function cheapest(M: number, C: number, wanted: number, cost: (across: number, down: number) => number) {
  let best = { across: 1, down: Math.min(wanted, Math.ceil(M / 4)) };
  for (let across = 2; across <= Math.min(C, wanted); across++) {
    const down = Math.min(Math.ceil(wanted / across), Math.ceil(M / 4));
    const enough = best.across * best.down >= wanted;
    const better = cost(across, down) < cost(best.across, best.down);
    if (enough ? across * down >= wanted && better : across * down > best.across * best.down) best = { across, down };
  }
  return best;
}

export function weightGradientCalls(dims: ConvDims): WasmPlan {
  const { n, groups, cGroup: C, outGroup: M } = dims;
  const [rows, columns] = [forwardWalk(dims.rows), forwardWalk(dims.columns)];
  const room = roomOf(rows, columns);
  const taps = rows.residues[0]!.taps.flatMap((tr) =>
    columns.residues[0]!.taps.map(
      (tc) => ((tr.phase * columns.phases + tc.phase) * rows.length + tr.at) * columns.length + tc.at,
    ),
  );
  const steps = Math.ceil((rows.result * columns.length) / 4);
  const work = n * groups * M * C * taps.length * steps * 4;
  const wanted = Math.ceil(Math.max(1, Math.min(THREADS, Math.floor(work / PIECE)) / groups));
  const { across, down } = cheapest(M, C, wanted, (a, d) => {
    const products = d * tileRows(Math.ceil(M / d)) * C * taps.length * steps;
    return products + LAID_OUT * ((d * C * room) / 4 + a * M * steps);
  });
  const parts = Math.max(1, Math.min(groups * across * down, Math.floor(work / PIECE), MOST_PARTS));
  const tall = paneled(Math.ceil(M / down));
  const wide = Math.ceil(C / across);
  const piece = wide * room + 4 * tall * steps + 4 * tall * (wide * taps.length + 1);
  const values = [input(0), input(1), output(0), scratch(0, "read_write")];
  const numbers = [n, groups, C, M, down, across, piece, ...planeWords(rows, columns)];
  return {
    scratch: [floats(parts * piece)],
    calls: [
      {
        fn: "convWeights",
        args: [...values, ...numbers, rows.result, columns.result, taps.length, ...taps],
        parts,
      },
    ],
  };
}
