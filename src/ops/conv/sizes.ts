import type { BlockTile } from "../../../shaders/conv/block-tile.ts";
import type { Invocations } from "../../../shaders/conv/product.ts";
import type { TensorSpec } from "../../graph/graph.ts";
import type { DeviceCaps } from "../../graph/op.ts";
import { registersOf } from "../../graph/registers.ts";
import type { ConvDims } from "./geometry.ts";

/** Rows of a kernel that are longer would be more code than an adapter on a CPU runs fast. */
export const MOST_TAPS = 7;

/** Multiply-adds from which it pays to compile more than the plain kernel. */
const SMALL = 2 ** 14;

export function isSmall({ n, out, cGroup, rows, columns }: ConvDims): boolean {
  return n * out * cGroup * rows.y * columns.y * rows.kernel * columns.kernel < SMALL;
}

/** Terms that a known answer is worked out of, about, and places that a kernel's gradient is a sum over at least. */
const SAMPLE_TERMS = 2 ** 20;
const SAMPLE_PLACES = 2 ** 9;

/** A convolution of a few of the images of inputs that have some, those at `images`: see Op.sample. */
export function sampleImages(
  inputs: readonly TensorSpec[],
  images: readonly number[],
  { n, out, cGroup, rows, columns }: ConvDims,
): readonly TensorSpec[] | null {
  const places = rows.y * columns.y;
  const terms = out * cGroup * rows.kernel * columns.kernel * places;
  const few = Math.min(n, Math.max(1, Math.floor(SAMPLE_TERMS / terms), Math.ceil(SAMPLE_PLACES / places)));
  if (few * terms > 8 * SAMPLE_TERMS) return null;
  return inputs.map((t, i) => (images.includes(i) ? { ...t, shape: [few, ...t.shape.slice(1)] } : t));
}

/** Of kernels without workgroup memory. */
export const invocationsOf = ({ onCpu }: DeviceCaps): Invocations => (onCpu ? 8 : 64);

/** Registers that the wider tiles need. */
const WIDE = 128;
export const fewRegisters = (caps: DeviceCaps): boolean => !caps.onCpu && registersOf(caps) < WIDE;

/** Whether strips save registers: AMD's compiler keeps conditions in scalar ones, and has no need to; a CPU's lie in a cache. */
export const savesRegisters = ({ onCpu, vendor }: DeviceCaps): boolean => !onCpu && vendor !== "amd";

/** Sums that an invocation of a GPU keeps in registers beside what they are made of: compilers spill from twice as many on. */
export const mostSums = (caps: DeviceCaps): number => (registersOf(caps) >= WIDE ? 32 : 16);

/** Tiles of the kernels that go through workgroup memory, by their names. */
export const BLOCK_TILES = {
  "block-narrow": { columns: 4, unroll: 1, ahead: false },
  block: { columns: 8, unroll: 4, ahead: true },
} as const satisfies Readonly<Record<string, BlockTile>>;
export type BlockName = keyof typeof BLOCK_TILES;

/** The one that a GPU has registers for; null for adapters on a CPU. */
export const blockFor = (caps: DeviceCaps): BlockName | null =>
  caps.onCpu ? null : registersOf(caps) >= WIDE ? "block" : "block-narrow";
