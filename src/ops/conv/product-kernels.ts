// The ladder of kernels of convolutions as products, from the simplest on: read together, so longer than a file should be.
import { blockBytes, convBlock } from "../../../shaders/conv/block.ts";
import { BLOCK, type BlockTile, blockPlaces } from "../../../shaders/conv/block-tile.ts";
import { type ConvEpilogue, NO_CONV_EPILOGUE } from "../../../shaders/conv/common.ts";
import { convGather } from "../../../shaders/conv/gather.ts";
import { convPlanes } from "../../../shaders/conv/planes.ts";
import type { Tile } from "../../../shaders/conv/product.ts";
import { convStrip, type Strip } from "../../../shaders/conv/strip.ts";
import type { TensorSpec } from "../../graph/graph.ts";
import type { DeviceCaps, Kernel, KernelPlan } from "../../graph/op.ts";
import { type ConvDims, flattened } from "./geometry.ts";
import { naivePlan } from "./naive-kernels.ts";
import { type ConvProduct, type ProductKernel, partsOf, productPlan, productSizes, type Way } from "./product-plan.ts";
import { convRungs, type ProductRung } from "./rungs.ts";
import {
  BLOCK_TILES,
  type BlockName,
  blockFor,
  invocationsOf,
  isSmall,
  MOST_TAPS,
  mostSums,
  savesRegisters,
} from "./sizes.ts";
import { uniform } from "./uniform.ts";

/** What kernels need to know of the op that they serve: what its epilogue reads are the inputs behind the first two. */
export interface ConvUse<A> {
  readonly way: Way;
  readonly dims: (inputs: readonly TensorSpec[], attrs: A) => ConvDims;
  readonly epilogue: (attrs: A, inputs: readonly TensorSpec[]) => ConvEpilogue;
  readonly alpha: (attrs: A) => number;
  readonly eps: (attrs: A) => number;
}

/** Of an op that is nothing but a convolution or an input gradient. */
export const plainUse = <A>(way: Way, dims: ConvUse<A>["dims"]): ConvUse<A> => ({
  way,
  dims,
  epilogue: () => NO_CONV_EPILOGUE,
  alpha: () => 0,
  eps: () => 0,
});

/** The kernels of an op that is one, simplest first. */
export function convKernels<A>(opName: string, use: ConvUse<A>): readonly Kernel<A>[] {
  const productOf = (inputs: readonly TensorSpec[], attrs: A): ConvProduct => ({
    op: { name: opName },
    way: use.way,
    dims: flattened(use.dims(inputs, attrs)),
    epilogue: use.epilogue(attrs, inputs),
    alpha: use.alpha(attrs),
    eps: use.eps(attrs),
  });
  const make = ({ name, needs, plan, suits }: ProductRung): Kernel<A> => ({
    name: `${opName}/${name}`,
    ...(needs && { needs }),
    suits: (inputs, attrs, caps) => suits(productOf(inputs, attrs), caps),
    plan: (inputs, _outputs, attrs, caps) => (needs && !caps[needs] ? null : plan(productOf(inputs, attrs), caps)),
  });
  convRungs.add(opName, make);
  return rungs.map(make);
}

/** Channels of an invocation; quads share four or more. */
function rowsOf(M: number, most: Tile["rows"]): Tile["rows"] {
  if (M === 1) return 1;
  return M <= 4 ? 4 : M <= 8 ? (Math.min(8, most) as Tile["rows"]) : most;
}

/** Places of an invocation, of which an adapter on a CPU keeps any number in a cache. */
const columnsOf = (rows: number, most: Tile["columns"], caps: DeviceCaps): Tile["columns"] =>
  caps.onCpu || rows * most <= mostSums(caps) ? most : 4;

/** Channels of an invocation at most, with four places or more. */
const mostRows = (caps: DeviceCaps): Tile["rows"] => (caps.onCpu || mostSums(caps) >= 32 ? 8 : 4);

const gatherTile = (product: ConvProduct, quads: boolean, caps: DeviceCaps): Tile => {
  const rows = rowsOf(productSizes(product).M, mostRows(caps));
  return { rows, columns: columnsOf(rows, 8, caps), shared: quads && rows > 1, invocations: invocationsOf(caps) };
};

function gather(product: ConvProduct, quads: boolean, caps: DeviceCaps): KernelPlan | null {
  const { K, rows, columns, phaseRows, phaseColumns } = productSizes(product);
  const tile = gatherTile(product, quads, caps);
  if (quads && !tile.shared) return null;
  const places = Math.ceil(rows / phaseRows) * Math.ceil(columns / phaseColumns);
  const kernel = {
    code: convGather(product.epilogue, tile, K % 2 === 0 ? 2 : 1),
    rows: tile.rows,
    depth: partsOf(product),
    tilesN: (images: number) => Math.ceil((images * places) / (tile.columns * tile.invocations)),
    taps: { first: 0, step: 1 } as const,
  };
  return productPlan(product, kernel, caps);
}

/**
 * The shape of a strip: some two hundred products a turn, which is what a CPU's cache of decoded instructions holds, and no
 * more columns than a row of the result fills. Null where a row of the kernel does not move place by place.
 */
function stripOf(product: ConvProduct, quads: boolean, caps: DeviceCaps): Strip | null {
  const { rows: down, columns: across } = product.dims;
  const forward = product.way === "forward";
  const { kernel, stride, dilation } = across;
  const strides = forward ? stride <= 2 : stride === 1 && down.stride === 1;
  if (!strides || kernel > MOST_TAPS || (kernel > 1 && dilation !== 1)) return null;
  const { M, columns: width } = productSizes(product);
  const rows = rowsOf(M, kernel === 1 && caps.onCpu ? 16 : mostRows(caps));
  const filled = (columns: number): number => Math.ceil(width / columns) * columns;
  const wide = (kernel > 3 && rows > 1) || filled(8) > 1.3 * filled(4) ? 4 : 8;
  const columns = columnsOf(rows, wide, caps);
  const invocations = invocationsOf(caps);
  const shared = quads && rows > 1;
  const few = !shared && savesRegisters(caps);
  return { rows, columns, shared, invocations, taps: kernel, stride: stride as 1 | 2, phased: false, few };
}

/** Launches into which columns may be divided by their phases. */
const MOST_PHASES = 4;

/**
 * Strips of the input gradient behind a stride: a launch for each phase of the columns, since in each other elements of a
 * row of the kernel meet them. Null where that is many, or a row of the kernel does not move place by place.
 */
function phasedStrips(product: ConvProduct, quads: boolean, caps: DeviceCaps): readonly ProductKernel[] | null {
  const { rows: down, columns: across, groups } = product.dims;
  const { kernel, stride, before, dilation } = across;
  if (stride > MOST_PHASES || kernel > MOST_TAPS * stride || (kernel > 1 && dilation !== 1)) return null;
  const { M } = productSizes(product);
  const invocations = invocationsOf(caps);
  const phases = Array.from({ length: Math.min(stride, across.x) }, (_, first) => {
    const element = (first + before) % stride;
    const count = Math.max(0, Math.ceil((kernel - element) / stride));
    const last = Math.max(0, count - 1);
    const width = Math.ceil((across.x - first) / stride);
    const rows = rowsOf(M, count <= 1 && caps.onCpu ? 16 : mostRows(caps));
    const filled = (columns: number): number => Math.ceil(width / columns) * columns;
    const columns = columnsOf(rows, filled(8) > 1.3 * filled(4) ? 4 : 8, caps);
    const shared = quads && rows > 1;
    const tile: Strip = {
      rows,
      columns,
      shared,
      invocations,
      taps: Math.max(1, count),
      stride: 1,
      phased: true,
      few: !shared && savesRegisters(caps),
    };
    const strips = Math.ceil(down.x / down.stride) * Math.ceil(width / columns);
    return {
      code: convStrip(product.epilogue, tile),
      rows,
      depth: groups * down.stride,
      tilesN: (images: number) => Math.ceil((images * strips) / invocations),
      taps: { first: count === 0 ? 0 : element + last * stride, step: -stride },
      phase: { first, from: (first + before - element) / stride - last, met: count > 0 },
    };
  });
  return quads && M === 1 ? null : phases;
}

const isPhased = ({ way, dims: { rows, columns } }: ConvProduct): boolean =>
  way === "back" && (rows.stride > 1 || columns.stride > 1);

function strip(product: ConvProduct, quads: boolean, caps: DeviceCaps): KernelPlan | null {
  if (isPhased(product)) {
    const phases = phasedStrips(product, quads, caps);
    return phases && productPlan(product, phases, caps);
  }
  const tile = stripOf(product, quads, caps);
  if (!tile || (quads && !tile.shared)) return null;
  const { rows, columns } = productSizes(product);
  const strips = rows * Math.ceil(columns / tile.columns);
  const kernel = {
    code: convStrip(product.epilogue, tile),
    rows: tile.rows,
    depth: partsOf(product),
    tilesN: (images: number) => Math.ceil((images * strips) / tile.invocations),
    taps: tapsOf(product, tile),
  };
  return productPlan(product, kernel, caps);
}

/** Backwards the last element of a row of the kernel is the one that meets the first place. */
const tapsOf = ({ way }: ConvProduct, { taps }: Strip): ProductKernel["taps"] =>
  way === "forward" ? { first: 0, step: 1 } : { first: taps - 1, step: -1 };

/** Elements of a kernel that an invocation keeps. */
const MOST_KEPT = 25;
/** Invocations from which each may have several rows of a plane. */
const enoughInvocations = ({ onCpu }: DeviceCaps): number => (onCpu ? 2 ** 10 : 2 ** 16);

/** A kernel for each channel. */
function planes(product: ConvProduct, caps: DeviceCaps): KernelPlan | null {
  const { M, K, rows, columns } = productSizes(product);
  const strip = M === 1 && K === 1 ? stripOf(product, false, caps) : null;
  const kernelRows = product.dims.rows.kernel;
  if (!strip || kernelRows * strip.taps > MOST_KEPT) return null;
  const { n, groups } = product.dims;
  const across = groups * Math.ceil(columns / strip.columns);
  const bandRows = Math.min(rows, Math.max(1, Math.floor((n * across * rows) / enoughInvocations(caps))));
  const kernel = {
    code: convPlanes(product.epilogue, { ...strip, kernelRows }),
    rows: strip.rows,
    depth: 1,
    bandRows,
    tilesN: (images: number) => Math.ceil((images * across * Math.ceil(rows / bandRows)) / strip.invocations),
    taps: tapsOf(product, strip),
  };
  return productPlan(product, kernel, caps);
}

/** Blocks through workgroup memory: for GPUs. */
function block(product: ConvProduct, tile: BlockTile, caps: DeviceCaps): KernelPlan | null {
  if (blockBytes(tile) > caps.maxComputeWorkgroupStorageSize) return null;
  const { rows, columns, phaseRows, phaseColumns } = productSizes(product);
  const places = Math.ceil(rows / phaseRows) * Math.ceil(columns / phaseColumns);
  const kernel = {
    code: convBlock(product.epilogue, tile, phaseRows * phaseColumns > 1),
    rows: BLOCK.rows,
    depth: partsOf(product),
    tilesN: (images: number) => Math.ceil((images * places) / blockPlaces(tile)),
    taps: { first: 0, step: 1 } as const,
  };
  return productPlan(product, kernel, caps);
}

/** Channels enough on either side for most of a block to be of use. */
function fillsBlocks(product: ConvProduct): boolean {
  const { M, K } = productSizes(product);
  return M >= BLOCK.rows / 2 && K >= BLOCK.depth / 2 && !isSmall(product.dims);
}

const rungs: readonly ProductRung[] = [
  { name: "naive", plan: naivePlan, suits: () => true },
  { name: "gather", plan: (p, caps) => gather(p, false, caps), suits: (p) => !isSmall(p.dims) },
  {
    name: "gather-quads",
    needs: "subgroups",
    plan: (p, caps) => gather(p, true, caps),
    suits: (p, { onCpu }) => onCpu && !isSmall(p.dims),
  },
  { name: "strip", plan: (p, caps) => strip(p, false, caps), suits: (p) => !isSmall(p.dims) },
  {
    name: "strip-quads",
    needs: "subgroups",
    plan: (p, caps) => strip(p, true, caps),
    suits: (p, { onCpu }) => onCpu && !isSmall(p.dims),
  },
  ...(Object.keys(BLOCK_TILES) as BlockName[]).map(
    (name): ProductRung => ({
      name,
      plan: (p, caps) => block(p, BLOCK_TILES[name], caps),
      suits: (p, caps) => blockFor(caps) === name && fillsBlocks(p),
    }),
  ),
  uniform,
  { name: "planes", plan: planes, suits: (p) => !isSmall(p.dims) },
];
