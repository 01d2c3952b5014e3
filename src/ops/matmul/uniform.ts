import { matmulUniform, UNIFORM_BLOCK, UNIFORM_BYTES, UNIFORM_SHAPE } from "../../../shaders/matmul/uniform.ts";
import type { AnyOp, Kernel } from "../../graph/op.ts";
import type { FurtherRungs } from "../shared/further-rungs.ts";
import type { MatmulDims, Rung } from "./rungs.ts";

/** From here on, in each dimension, and with so many tiles, GPUs have enough to do. */
const LEAST = 512;
const ENOUGH_TILES = 128;

function suits({ M, N, K }: MatmulDims): boolean {
  const [rows, columns] = UNIFORM_BLOCK;
  const tiles = Math.ceil(M / rows) * Math.ceil(N / columns);
  return Math.min(M, N, K) >= LEAST && tiles >= ENOUGH_TILES;
}

/** For Intel's GPUs: the first guess for large products, where there is memory for it. */
export const uniformRung: Rung = {
  name: "block-uniform",
  block: UNIFORM_BLOCK,
  invocations: UNIFORM_SHAPE.lanes[0] * UNIFORM_SHAPE.lanes[1],
  vector: "all",
  needs: "subgroups",
  // Another adapter may have loaded it.
  applies: (_dims, _variant, { vendor, subgroupMaxSize, maxComputeWorkgroupStorageSize }) =>
    vendor === "intel" && subgroupMaxSize <= UNIFORM_SHAPE.lanes[1] && maxComputeWorkgroupStorageSize >= UNIFORM_BYTES,
  suits,
  code: matmulUniform,
};

// biome-ignore lint/suspicious/noExplicitAny: kernels of the op list have attributes of every type
type AnyKernel = Kernel<any>;

/** The kernel of an op that is a product; null for any other op. `rungs` are those of products. */
export function uniformKernel(op: AnyOp, rungs: FurtherRungs<Rung>): AnyKernel | null {
  const kernel = rungs.of(op, uniformRung);
  return kernel && { ...kernel, late: true };
}

/** Puts it behind the others of the nodes' ops, unless it is there. */
export function add(nodes: readonly { readonly op: AnyOp }[], rungs: FurtherRungs<Rung>): void {
  for (const { op } of nodes) {
    const kernel = uniformKernel(op, rungs);
    if (kernel && !op.kernels.some(({ name }) => name === kernel.name)) (op.kernels as AnyKernel[]).push(kernel);
  }
}
