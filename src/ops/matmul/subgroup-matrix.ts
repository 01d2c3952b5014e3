import {
  MATRIX_BLOCK,
  MATRIX_INVOCATIONS,
  matmulSubgroup,
  matrixFits,
  type SubgroupMatrixShape,
} from "../../../shaders/matmul/subgroup-matrix.ts";
import type { AnyOp, DeviceCaps, Kernel } from "../../graph/op.ts";
import { rungOf } from "./kernels.ts";
import type { Rung } from "./rungs.ts";

/** The largest that blocks consist of; null where there is none. A workgroup must hold whole subgroups. */
function shapeOf({ subgroupMatrices, subgroupMaxSize }: DeviceCaps): SubgroupMatrixShape | null {
  if (!subgroupMatrices || MATRIX_INVOCATIONS % subgroupMaxSize !== 0) return null;
  const size = ({ M, N, K }: SubgroupMatrixShape): number => M * N * K;
  return subgroupMatrices.filter(matrixFits).sort((a, b) => size(b) - size(a))[0] ?? null;
}

/** For products of halves on devices with matrix instructions. Measuring finds it; nothing guesses it. */
const rung: Rung = {
  name: "subgroup-matrix",
  block: [MATRIX_BLOCK, MATRIX_BLOCK],
  invocations: MATRIX_INVOCATIONS,
  vector: "each",
  needs: "subgroupMatrices",
  applies: (_dims, _variant, caps) => shapeOf(caps) !== null,
  suits: () => false,
  code: (variant, vector, _terms, caps) => matmulSubgroup(variant, vector, shapeOf(caps)!),
};

/** The kernel of an op that is a product; null for any other op. */
// biome-ignore lint/suspicious/noExplicitAny: kernels of the op list have attributes of every type
export const subgroupMatrixKernel = (op: AnyOp): Kernel<any> | null => rungOf(op, rung);
