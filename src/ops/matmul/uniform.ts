import { matmulUniform, UNIFORM_BLOCK, UNIFORM_BYTES, UNIFORM_SHAPE } from "../../../shaders/matmul/uniform.ts";
import type { AnyOp, DeviceCaps, Kernel } from "../../graph/op.ts";
import type { FurtherRungs } from "../shared/further-rungs.ts";
import type { MatmulDims, Rung } from "./rungs.ts";

/** Terms from which a sum is divided as a guess; and so many workgroups have enough to do. */
const LONG = 512;
const ENOUGH_WORKGROUPS = 64;
/** Terms that a part of a divided sum has at least. */
const SLICE_TERMS = 128;

function tilesOf({ M, N }: MatmulDims): number {
  const [rows, columns] = UNIFORM_BLOCK;
  return Math.ceil(M / rows) * Math.ceil(N / columns);
}

/** As many as make enough workgroups. */
const slices = (dims: MatmulDims): number =>
  Math.min(Math.floor(dims.K / SLICE_TERMS), Math.ceil(ENOUGH_WORKGROUPS / tilesOf(dims)));

/** Whether the first tile is full, and the sum as long as a part of one: what is done once is little then. */
function isLarge({ M, N, K }: MatmulDims): boolean {
  const [rows, columns] = UNIFORM_BLOCK;
  return M >= rows && N >= columns && K >= SLICE_TERMS;
}

/** The last of Gen12 in processors have 96 units; all the others have a cache for parts that come and go. */
function suitsWhole(dims: MatmulDims, { architecture }: DeviceCaps): boolean {
  const enough = architecture === "gen-12lp" ? ENOUGH_WORKGROUPS / 2 : ENOUGH_WORKGROUPS;
  return isLarge(dims) && tilesOf(dims) >= enough;
}

/** Parts of whole blocks: where what is behind an edge is zeroed too, and numbers are read one by one, registers are not enough. */
function suitsSplit(dims: MatmulDims, caps: DeviceCaps): boolean {
  const parts = tilesOf(dims) * slices(dims);
  return (
    isLarge(dims) &&
    dims.K >= LONG &&
    dims.K % UNIFORM_SHAPE.depth === 0 &&
    parts >= ENOUGH_WORKGROUPS &&
    !suitsWhole(dims, caps)
  );
}

/** For Intel's GPUs: the first guess for large products, where there is memory for it. */
const whole: Rung = {
  name: "block-uniform",
  block: UNIFORM_BLOCK,
  invocations: UNIFORM_SHAPE.lanes[0] * UNIFORM_SHAPE.lanes[1],
  vector: "all",
  needs: "subgroups",
  // Another adapter may have loaded it.
  applies: (_dims, _variant, { vendor, subgroupMaxSize, maxComputeWorkgroupStorageSize }) =>
    vendor === "intel" && subgroupMaxSize <= UNIFORM_SHAPE.lanes[1] && maxComputeWorkgroupStorageSize >= UNIFORM_BYTES,
  suits: suitsWhole,
  code: (variant, vector, terms, _caps, sliced) => matmulUniform(variant, vector, terms, sliced),
};

/** The same with the sum divided among workgroups, where there are few tiles. */
const split: Rung = {
  ...whole,
  name: "block-uniform-split",
  applies: (dims, ...more) => slices(dims) > 1 && whole.applies(dims, ...more),
  suits: suitsSplit,
  slices,
};
export const uniformRungs: readonly Rung[] = [whole, split];

// biome-ignore lint/suspicious/noExplicitAny: kernels of the op list have attributes of every type
type AnyKernel = Kernel<any>;

/** The kernels of an op that is a product; none for any other op. `rungs` are those of products. */
export function uniformKernels(op: AnyOp, rungs: FurtherRungs<Rung>): readonly AnyKernel[] {
  const kernels = uniformRungs.flatMap((rung) => rungs.of(op, rung) ?? []);
  return kernels.map((kernel) => ({ ...kernel, late: true }));
}

/** Puts them behind the others of the nodes' ops, unless they are there. */
export function add(nodes: readonly { readonly op: AnyOp }[], rungs: FurtherRungs<Rung>): void {
  for (const { op } of nodes) {
    const further = uniformKernels(op, rungs);
    if (!op.kernels.some(({ name }) => name === further[0]?.name)) (op.kernels as AnyKernel[]).push(...further);
  }
}
