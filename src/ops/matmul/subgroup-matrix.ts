import {
  MATRIX_INVOCATIONS,
  type MatrixBlock,
  matrixBytes,
  matrixFits,
  type SubgroupMatrixShape,
} from "../../../shaders/matmul/matrix-cells.ts";
import { MATRIX_SIDE, matmulSubgroup, PRODUCT_BLOCK } from "../../../shaders/matmul/subgroup-matrix.ts";
import type { AnyOp, DeviceCaps, Kernel } from "../../graph/op.ts";
import { productRungs } from "./kernels.ts";
import type { Rung } from "./rungs.ts";

/**
 * The largest matrices that a block consists of, with so many bytes of workgroup memory beside it; null where there are none.
 * A workgroup must hold whole subgroups.
 */
export function matrixShapeOf(
  block: MatrixBlock,
  { subgroupMatrices, subgroupMaxSize, maxComputeWorkgroupStorageSize }: DeviceCaps,
  beside = 0,
): SubgroupMatrixShape | null {
  if (!subgroupMatrices || MATRIX_INVOCATIONS % subgroupMaxSize !== 0) return null;
  const size = ({ M, N, K }: SubgroupMatrixShape): number => M * N * K;
  const fits = subgroupMatrices.filter(
    (shape) => matrixFits(block, shape) && matrixBytes(block, shape) + beside <= maxComputeWorkgroupStorageSize,
  );
  return fits.sort((a, b) => size(b) - size(a))[0] ?? null;
}

/** For products of halves on devices with matrix instructions. Measuring finds it; nothing guesses it. */
const rung: Rung = {
  name: "subgroup-matrix",
  block: [MATRIX_SIDE, MATRIX_SIDE],
  invocations: MATRIX_INVOCATIONS,
  vector: "each",
  needs: "subgroupMatrices",
  applies: (_dims, _variant, caps) => matrixShapeOf(PRODUCT_BLOCK, caps) !== null,
  suits: () => false,
  code: (variant, vector, terms, caps) =>
    matmulSubgroup(variant, vector, matrixShapeOf(PRODUCT_BLOCK, caps)!, terms, caps.bufferViews),
};

/** The kernel of an op that is a product; null for any other op. */
// biome-ignore lint/suspicious/noExplicitAny: kernels of the op list have attributes of every type
export const subgroupMatrixKernel = (op: AnyOp): Kernel<any> | null => productRungs.of(op, rung);
