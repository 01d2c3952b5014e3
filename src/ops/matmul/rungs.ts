import { type BlockShape, blockBytes, blockOf, matmulBlock } from "../../../shaders/matmul/block.ts";
import type { MatmulForm, MatmulVariant, VectorAccess } from "../../../shaders/matmul/common.ts";
import { DIRECT_BLOCK, DIRECT_SIDE, matmulDirect } from "../../../shaders/matmul/direct.ts";
import { matmulNaive, NAIVE_TILE } from "../../../shaders/matmul/naive.ts";
import { matmulPacked, PACKED_BLOCK, PACKED_INVOCATIONS, PACKED_TERMS } from "../../../shaders/matmul/packed.ts";
import { matmulRow, ROW_COLUMNS, ROW_LANES, ROW_SLICES } from "../../../shaders/matmul/row.ts";
import { ALONE_COLUMNS, ALONE_LANES, matmulRowAlone } from "../../../shaders/matmul/row-alone.ts";
import type { DeviceAbility, DeviceCaps } from "../../graph/op.ts";
import { registersOf } from "../../graph/registers.ts";

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
  /**
   * `terms` is the length of the sum, which may decide how it is divided into turns of a loop; `sliced` where workgroups
   * along z have a part of it each.
   */
  code(variant: MatmulVariant, vector: VectorAccess, terms: number, caps: DeviceCaps, sliced: boolean): string;
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

const tilesOf = ({ M, N }: MatmulDims, [rows, columns]: Rung["block"]): number =>
  Math.ceil(M / rows) * Math.ceil(N / columns);

const slicesOf = (dims: MatmulDims, block: Rung["block"], enough = ENOUGH_WORKGROUPS): number =>
  Math.max(1, Math.min(Math.floor(dims.K / SLICE_TERMS), Math.floor(enough / tilesOf(dims, block))));

/** A GPU has more from many invocations than from few loads while a product is small; a CPU never has. */
function suitsDirect(dims: MatmulDims, caps: DeviceCaps): boolean {
  if (caps.subgroups && suitsPacked(dims, caps)) return false;
  return (isLarge(dims) && guessedBlock(dims, caps) === null) || (caps.onCpu && dims.M >= 4 && dims.N >= 4);
}

/** Long sums for few results; and on a GPU whatever would leave most of it idle: a quarter of ENOUGH_WORKGROUPS. */
function suitsSlices(dims: MatmulDims, { onCpu }: DeviceCaps): boolean {
  const { M, N, K } = dims;
  if (M <= FEW_ROWS) return false;
  // A GPU walks through such a sum with next to nobody beside it; a CPU has no more to do than one workgroup.
  return (
    (M * N <= 4096 && K >= (onCpu ? 8 : 2) * SLICE_TERMS) || (!onCpu && isLarge(dims) && slicesOf(dims, DIRECT) >= 4)
  );
}

/** Rows enough to pay for packing, and columns that do not leave half of a quad's to nobody. */
function suitsPacked({ M, N, K }: MatmulDims, { onCpu }: DeviceCaps): boolean {
  const width = PACKED_BLOCK[1];
  return onCpu && M >= 16 && N / Math.ceil(N / width) > width / 2 && M * N * K >= 2 ** 20;
}

const always = () => true;
/** Of intel, arm and img-tec, and of those that nobody names: a tile of 8 x 8 would lie in memory. */
const fewRegisters = (caps: DeviceCaps): boolean => registersOf(caps) < 128;
const DIRECT = [DIRECT_BLOCK, DIRECT_BLOCK] as const;
const direct = {
  block: DIRECT,
  invocations: DIRECT_SIDE * DIRECT_SIDE,
  vector: "each",
  code: (variant, vector, _terms, caps, sliced) =>
    matmulDirect(variant, vector, sliced, !caps.onCpu && fewRegisters(caps)),
} satisfies Partial<Rung>;

/** For adapters on a CPU. Sums longer than an invocation's loops may be are divided. */
const packed = {
  block: PACKED_BLOCK,
  invocations: PACKED_INVOCATIONS,
  vector: "each",
  applies: (_dims, _variant, { onCpu }) => onCpu,
  slices: ({ K }) => Math.ceil(K / PACKED_TERMS),
  code: (variant, vector, terms, _caps, sliced) => matmulPacked(variant, vector, terms, false, sliced),
} satisfies Partial<Rung>;

/**
 * Blocks that pass through workgroup memory. An invocation's tile of 4 x 4 is what every GPU has registers for, 8 x 8 what
 * those that have more of them have: bench/README.md has what each compiler makes of each.
 */
const shapes = {
  block32: { lanes: [8, 8], rows: 4, columns: 4, depth: 16 },
  block64: { lanes: [8, 8], rows: 8, columns: 8, depth: 16 },
  "block64-wide": { lanes: [16, 16], rows: 4, columns: 4, depth: 32, unroll: 8 },
  block64x128: { lanes: [8, 16], rows: 8, columns: 8, depth: 32, unroll: 8 },
  block128: { lanes: [16, 16], rows: 8, columns: 8, depth: 16 },
} satisfies Record<string, BlockShape>;
type BlockName = keyof typeof shapes;

/** The blocks that are the first guess; null where reading from memory again and again is. */
function guessedBlock(dims: MatmulDims, caps: DeviceCaps): BlockName | null {
  const { vendor, onCpu } = caps;
  if (onCpu || !isLarge(dims)) return null;
  // A bounds check for every number that is read from memory is what its compilers make of small tiles.
  if (!isHuge(dims)) return vendor === "nvidia" ? "block32" : null;
  if (fewRegisters(caps)) return "block64-wide";
  if (vendor !== "qualcomm" && tilesOf(dims, blockOf(shapes.block128)) >= ENOUGH_WORKGROUPS) return "block128";
  if (vendor !== "nvidia") return "block64";
  // All but those for data centres, and those that do not say what they are, are for screens: most have 16 to 84
  // multiprocessors, and with its sum in two a product of 512 has blocks of 64 x 128 for them.
  const screen = !/^(volta|hopper|)$/.test(caps.architecture);
  // More invocations with less each: a quarter faster on an H200 at 1024, which has 132.
  return screen && holds(shapes.block64x128, caps) ? "block64x128" : "block64-wide";
}

const holds = (shape: BlockShape, caps: DeviceCaps): boolean =>
  blockBytes(shape) <= caps.maxComputeWorkgroupStorageSize;

/** A term a turn where registers are few: of more, compilers keep sums twice. */
const shapeOn = (shape: BlockShape, caps: DeviceCaps): BlockShape =>
  fewRegisters(caps) ? { ...shape, few: true, ...(shape.unroll && { unroll: 1 }) } : shape;

/** Of a rung of blocks, by its name: how those pass through workgroup memory. Undefined for any other. */
export const blockShape = (name: string, caps: DeviceCaps): BlockShape | undefined =>
  name in shapes ? shapeOn(shapes[name as BlockName], caps) : undefined;

function block(name: BlockName): Rung {
  const shape: BlockShape = shapes[name];
  return {
    name,
    block: blockOf(shape),
    invocations: shape.lanes[0] * shape.lanes[1],
    vector: "all",
    applies: (_dims, _variant, caps) => holds(shape, caps),
    suits: (dims, caps) => guessedBlock(dims, caps) === name,
    code: (variant, vector, terms, caps, sliced) => matmulBlock(variant, shapeOn(shape, caps), vector, terms, sliced),
  };
}

/** The same with the sum divided among workgroups. */
function splitBlock(name: BlockName, enough?: number): Rung {
  const whole = block(name);
  const slices = (dims: MatmulDims) => slicesOf(dims, whole.block, enough);
  const applies: Rung["applies"] = (dims, ...more) => slices(dims) > 1 && whole.applies(dims, ...more);
  // What is huge has blocks for all of a telephone's cores, and parts would pass through its memory, which is slow.
  const suits: Rung["suits"] = (dims, caps) => caps.vendor !== "qualcomm" && whole.suits(dims, caps);
  return { ...whole, name: `${name}-split`, applies, suits, slices };
}

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
  ...(Object.keys(shapes) as BlockName[]).map(block),
  { name: "packed", ...packed, suits: () => false },
  {
    name: "packed-quads",
    ...packed,
    needs: "subgroups",
    suits: suitsPacked,
    code: (variant, vector, terms, _caps, sliced) => matmulPacked(variant, vector, terms, true, sliced),
  },
  { name: "direct", ...direct, applies: always, suits: suitsDirect },
  {
    name: "direct-split",
    ...direct,
    applies: (dims) => slicesOf(dims, DIRECT) > 1,
    suits: suitsSlices,
    slices: (dims) => slicesOf(dims, DIRECT),
  },
  splitBlock("block32"),
  splitBlock("block64-wide"),
  splitBlock("block64"),
  // Where 64 workgroups are not enough, narrower blocks are better.
  splitBlock("block64x128", ENOUGH_WORKGROUPS / 4),
  {
    name: "row",
    block: [1, ROW_COLUMNS],
    invocations: ROW_LANES * ROW_SLICES,
    vector: "each",
    applies: ({ M }, { epilogue }) => M <= FEW_ROWS && !epilogue.columnSums,
    suits: ({ M, N, K }, { onCpu }) => !onCpu && M <= FEW_ROWS && N * K >= 4096,
    code: matmulRow,
  },
  {
    name: "row-alone",
    block: [1, ALONE_COLUMNS],
    invocations: ALONE_LANES,
    vector: "never",
    applies: ({ M }, { epilogue }) => M <= FEW_ROWS && !epilogue.columnSums,
    suits: ({ M, N, K }, { onCpu }) => onCpu && (M < FEW_ROWS || (M === FEW_ROWS && N < 4)) && N * K >= 4096,
    code: (variant, _vector, terms) => matmulRowAlone(variant, terms),
  },
];
