import { type BlockShape, blockOf, matmulBlock } from "../../../shaders/matmul/block.ts";
import type { MatmulForm, MatmulVariant, VectorAccess } from "../../../shaders/matmul/common.ts";
import { DIRECT_BLOCK, DIRECT_SIDE, matmulDirect } from "../../../shaders/matmul/direct.ts";
import { matmulNaive, NAIVE_TILE } from "../../../shaders/matmul/naive.ts";
import { matmulRow, ROW_COLUMNS, ROW_LANES, ROW_SLICES } from "../../../shaders/matmul/row.ts";
import { ALONE_COLUMNS, ALONE_LANES, matmulRowAlone } from "../../../shaders/matmul/row-alone.ts";
import { matmulTall, SLIM_BLOCK, TALL_BLOCK, TALL_INVOCATIONS } from "../../../shaders/matmul/tall.ts";
import { matmulTiled, TILE } from "../../../shaders/matmul/tiled.ts";
import type { DeviceAbility, DeviceCaps } from "../../graph/op.ts";

export interface MatmulDims {
  readonly form: MatmulForm;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** One way to compute a product. */
export interface Rung {
  readonly name: string;
  /** Rows and columns of C that a workgroup computes, and its invocations. */
  readonly block: readonly [number, number];
  readonly invocations: number;
  /**
   * Reads and writes vec4: never; for each operand where it can; or only where all can (fewer pipelines to compile).
   */
  readonly vector: "never" | "each" | "all";
  /** False where the rung cannot do it. */
  applies(dims: MatmulDims, variant: MatmulVariant, caps: DeviceCaps): boolean;
  /** What a device must have for it. */
  readonly needs?: DeviceAbility;
  /** False where a simpler rung is the better first guess; measuring may know better. */
  suits(dims: MatmulDims, caps: DeviceCaps): boolean;
  /** Parts that the sum over K is divided into, each a workgroup's; 1 where absent. */
  slices?(dims: MatmulDims): number;
  /** `terms` is the length of the sum, which may decide how it is divided into turns of a loop. */
  code(variant: MatmulVariant, vector: VectorAccess, terms: number, caps: DeviceCaps): string;
}

/** Enough tiles to occupy a device, and enough depth to pay for bringing them in. */
function isLarge({ M, N, K }: MatmulDims): boolean {
  return M >= 8 && N >= 8 && M * N >= 4096 && K >= 16;
}

/** From here on reading from memory again and again costs more than workgroup memory does, caches or not. */
function isHuge({ M, N, K }: MatmulDims): boolean {
  return M >= 512 && N >= 512 && K >= 512;
}

/** A few rows: no tile of any height would be full. */
const FEW_ROWS = 4;

/** Terms that a slice of a divided sum has at least, and workgroups that are enough for any device. */
const SLICE_TERMS = 128;
const ENOUGH_WORKGROUPS = 256;

function slicesOf({ M, N, K }: MatmulDims): number {
  const tiles = Math.ceil(M / DIRECT_BLOCK) * Math.ceil(N / DIRECT_BLOCK);
  return Math.max(1, Math.min(Math.floor(K / SLICE_TERMS), Math.floor(ENOUGH_WORKGROUPS / tiles)));
}

/** A GPU has more from many invocations than from few loads while a product is small; a CPU never has. */
function suitsDirect(dims: MatmulDims, caps: DeviceCaps): boolean {
  if (caps.subgroups && suitsTall(dims, caps)) return false;
  return (isLarge(dims) && !isHuge(dims)) || (caps.onCpu && dims.M >= 4 && dims.N >= 4);
}

/** Long sums for few results; and on a GPU whatever would leave most of it idle: a quarter of ENOUGH_WORKGROUPS. */
function suitsSlices(dims: MatmulDims, { onCpu }: DeviceCaps): boolean {
  const { M, N, K } = dims;
  if (M <= FEW_ROWS) return false;
  return (M * N <= 4096 && K >= 8 * SLICE_TERMS) || (!onCpu && isLarge(dims) && slicesOf(dims) >= 4);
}

/** Whole tiles, nearly, and enough of them: what is cut off at an edge is computed all the same. */
function suitsTall({ M, N, K }: MatmulDims, { onCpu }: DeviceCaps): boolean {
  return onCpu && M >= TALL_BLOCK[0] / 2 && N >= TALL_BLOCK[1] / 2 && M * N * K >= 2 ** 20;
}

/** Columns of which half of a tile's, or more, would be nobody's. */
function suitsSlim({ M, N, K }: MatmulDims, { onCpu }: DeviceCaps): boolean {
  const [rows, columns] = SLIM_BLOCK;
  return onCpu && N > columns / 2 && N <= columns && M >= rows && M * N * K >= 2 ** 20;
}

const always = () => true;
const direct = {
  block: [DIRECT_BLOCK, DIRECT_BLOCK] as const,
  invocations: DIRECT_SIDE * DIRECT_SIDE,
  vector: "each" as const,
  code: matmulDirect,
};

/** For adapters whose registers lie in memory; elsewhere only measuring finds them. */
const tall = { block: TALL_BLOCK, invocations: TALL_INVOCATIONS, vector: "each" as const };

const block = (name: string, shape: BlockShape, suits: Rung["suits"]): Rung => ({
  name,
  block: blockOf(shape),
  invocations: shape.side * shape.side,
  vector: "all",
  applies: always,
  suits,
  code: (variant, vector) => matmulBlock(variant, shape, vector),
});

/** Simplest first. What suits is a guess that needs no measurement; measuring (backend/webgpu/tuner.ts) knows better. */
export const ladder: readonly Rung[] = [
  {
    name: "naive",
    block: [NAIVE_TILE.rows, NAIVE_TILE.columns],
    invocations: NAIVE_TILE.rows * NAIVE_TILE.columns,
    vector: "never",
    applies: always,
    suits: always,
    code: matmulNaive,
  },
  {
    name: "tiled",
    block: [TILE, TILE],
    invocations: TILE * TILE,
    vector: "never",
    applies: always,
    suits: isLarge,
    code: matmulTiled,
  },
  block("block32", { side: 8, rows: 4, columns: 4, depth: 16, double: false }, isLarge),
  block("block64", { side: 8, rows: 8, columns: 8, depth: 16, double: false }, isLarge),
  block("block64-wide", { side: 16, rows: 4, columns: 4, depth: 32, double: false }, isHuge),
  block("block64-double", { side: 8, rows: 8, columns: 8, depth: 16, double: true }, isHuge),
  block("block128", { side: 16, rows: 8, columns: 8, depth: 16, double: false }, isHuge),
  {
    name: "tall",
    ...tall,
    applies: always,
    suits: () => false,
    code: (variant, vector, terms) => matmulTall(variant, vector, terms),
  },
  {
    name: "tall-quads",
    ...tall,
    needs: "subgroups",
    applies: always,
    suits: suitsTall,
    code: (variant, vector, terms) => matmulTall(variant, vector, terms, true),
  },
  { name: "direct", ...direct, applies: always, suits: suitsDirect },
  {
    name: "slim-quads",
    ...tall,
    block: SLIM_BLOCK,
    needs: "subgroups",
    applies: always,
    suits: suitsSlim,
    code: (variant, vector, terms) => matmulTall(variant, vector, terms, true, true),
  },
  {
    name: "direct-split",
    ...direct,
    applies: (dims) => slicesOf(dims) > 1,
    suits: suitsSlices,
    slices: slicesOf,
  },
  {
    name: "row",
    block: [1, ROW_COLUMNS],
    invocations: ROW_LANES * ROW_SLICES,
    vector: "each",
    applies: ({ M }, { epilogue }) => M <= FEW_ROWS && !epilogue.columnSums,
    suits: ({ M, N, K }) => M <= FEW_ROWS && N * K >= 4096,
    code: matmulRow,
  },
  {
    name: "row-alone",
    block: [1, ALONE_COLUMNS],
    invocations: ALONE_LANES,
    vector: "never",
    applies: ({ M }, { epilogue }) => M <= FEW_ROWS && !epilogue.columnSums,
    suits: ({ M, N, K }, { onCpu }) => onCpu && M < FEW_ROWS && N * K >= 4096,
    code: (variant, _vector, terms) => matmulRowAlone(variant, terms),
  },
];
