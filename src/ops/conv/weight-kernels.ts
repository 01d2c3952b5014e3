import {
  convWeightBlock,
  type WeightRows,
  weightBlockBytes,
  weightColumns,
  weightInvocations,
} from "../../../shaders/conv/weight-block.ts";
import { convWeights, type WeightTile } from "../../../shaders/conv/weights.ts";
import type { TensorSpec } from "../../graph/graph.ts";
import type { DeviceCaps, Kernel } from "../../graph/op.ts";
import { type ConvDims, flattened } from "./geometry.ts";
import { naiveWeightPlan } from "./naive-kernels.ts";
import { type WeightRung, weightRungs } from "./rungs.ts";
import {
  BLOCK_TILES,
  type BlockName,
  blockFor,
  fewRegisters,
  invocationsOf,
  isSmall,
  MOST_TAPS,
  mostSums,
} from "./sizes.ts";
import { type WeightKernel, weightPlan } from "./weight-plan.ts";
import { weightUniform } from "./weight-uniform.ts";

/** Channels of y that an invocation takes; quads share four or more. */
const rowsOf = ({ outGroup }: ConvDims, caps: DeviceCaps): WeightTile["rows"] =>
  outGroup === 1 ? 1 : outGroup <= 4 || !(caps.onCpu || mostSums(caps) >= 32) ? 4 : 8;

/** Terms a turn: most of them, unless a row of places has fewer. */
const stepOf = ({ columns }: ConvDims, most: number): { readonly step: number; readonly cut: boolean } => {
  const step = Math.min(most, columns.y);
  return { step, cut: columns.y % step !== 0 };
};

/** Element by element of the kernel, for any stride and dilation. */
function gatherTile(dims: ConvDims, quads: boolean, caps: DeviceCaps): WeightTile {
  const rows = rowsOf(dims, caps);
  return {
    rows,
    parts: 4,
    taps: 1,
    stride: 1,
    ...stepOf(dims, 2),
    shared: quads && rows > 1,
    invocations: invocationsOf(caps),
  };
}

/**
 * A row of the kernel or two at a time, over one stretch of x: some hundred products a turn, as for the strips of a
 * convolution. Null where that row does not move place by place.
 */
function stripTile(dims: ConvDims, quads: boolean, caps: DeviceCaps): WeightTile | null {
  const { kernel: taps, stride, dilation } = dims.columns;
  if (taps === 1 || taps > MOST_TAPS || stride > 2 || dilation !== 1) return null;
  const rows = rowsOf(dims, caps);
  const two = taps <= 3 && dims.cGroup >= 4 && rows > 1;
  const shape = { rows, parts: two ? 2 : 1, taps, stride: stride as 1 | 2, invocations: invocationsOf(caps) };
  const most = two || (taps > 3 && fewRegisters(caps)) ? 2 : 4;
  return { ...shape, ...stepOf(dims, most), shared: quads && rows > 1 };
}

/** What kernels need to know of the op that they serve. */
export interface WeightUse<A> {
  /** The sums of dy's channels are output 1. */
  readonly sums: boolean;
  readonly dims: (inputs: readonly TensorSpec[], attrs: A) => ConvDims;
}

function kernelOf({ cGroup, groups, rows, columns }: ConvDims, tile: WeightTile): WeightKernel {
  const { invocations } = tile;
  const each = Math.ceil((cGroup * rows.kernel * columns.kernel) / tile.taps / tile.parts);
  const alone = tile.rows === 1;
  return {
    tilesN: Math.ceil((alone ? groups * each : each) / invocations),
    rows: alone ? null : tile.rows,
    invocations,
    code: (sums) => convWeights(tile, sums),
  };
}

/** Channels of y of a block: the higher where it is as full. */
const FEWEST_ROWS = 32;
const blockRows = ({ outGroup }: ConvDims): WeightRows =>
  Math.ceil(outGroup / FEWEST_ROWS) % 2 === 0 ? 64 : FEWEST_ROWS;

/** Blocks through workgroup memory: for GPUs. */
function block(name: BlockName): WeightRung {
  const tile = BLOCK_TILES[name];
  return {
    name,
    suits: (dims, caps) => blockFor(caps) === name && dims.outGroup >= FEWEST_ROWS / 2 && !isSmall(dims),
    plan(op, dims, sums, caps) {
      const rows = blockRows(dims);
      if (weightBlockBytes(tile, rows) > caps.maxComputeWorkgroupStorageSize) return null;
      const invocations = weightInvocations(rows);
      const tilesN = Math.ceil((dims.cGroup * dims.rows.kernel * dims.columns.kernel) / weightColumns(tile));
      const code = (withSums: boolean): string => convWeightBlock(tile, rows, withSums);
      return weightPlan(op, dims, { tilesN, rows, invocations, code }, sums, caps);
    },
  };
}

/** Two rungs of one kind of tile: by itself, and with quads that share. */
function tiled(
  name: string,
  tileOf: (dims: ConvDims, quads: boolean, caps: DeviceCaps) => WeightTile | null,
): readonly WeightRung[] {
  const planOf =
    (quads: boolean): WeightRung["plan"] =>
    (op, dims, sums, caps) => {
      const tile = tileOf(dims, quads, caps);
      return tile && (tile.shared || !quads) ? weightPlan(op, dims, kernelOf(dims, tile), sums, caps) : null;
    };
  return [
    { name, suits: (dims) => !isSmall(dims), plan: planOf(false) },
    {
      name: `${name}-quads`,
      needs: "subgroups",
      suits: (dims, { onCpu }) => onCpu && !isSmall(dims),
      plan: planOf(true),
    },
  ];
}

const ladder: readonly WeightRung[] = [
  { name: "naive", suits: () => true, plan: naiveWeightPlan },
  ...tiled("gather", gatherTile),
  ...tiled("strip", stripTile),
  ...(Object.keys(BLOCK_TILES) as BlockName[]).map(block),
  weightUniform,
];

/** The kernels of an op that gives dw and perhaps db, simplest first. */
export function weightKernels<A>(opName: string, { sums, dims }: WeightUse<A>): readonly Kernel<A>[] {
  const dimsOf = (inputs: readonly TensorSpec[], attrs: A): ConvDims => flattened(dims(inputs, attrs));
  const make = ({ name, needs, suits, plan }: WeightRung): Kernel<A> => ({
    name: `${opName}/${name}`,
    ...(needs && { needs }),
    suits: (inputs, attrs, caps) => suits(dimsOf(inputs, attrs), caps),
    plan: (inputs, _outputs, attrs, caps) =>
      needs && !caps[needs] ? null : plan({ name: opName }, dimsOf(inputs, attrs), sums, caps),
  });
  weightRungs.add(opName, make);
  return ladder.map(make);
}
