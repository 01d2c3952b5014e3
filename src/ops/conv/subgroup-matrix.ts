import { convMatrix, convMatrixTables } from "../../../shaders/conv/matrix.ts";
import { convWeightMatrix, weightMatrixTable } from "../../../shaders/conv/weight-matrix.ts";
import { columnsOf, MATRIX_INVOCATIONS, type MatrixBlock, rowsOf } from "../../../shaders/matmul/matrix-cells.ts";
import type { AnyOp, Kernel } from "../../graph/op.ts";
import { matrixShapeOf } from "../matmul/subgroup-matrix.ts";
import { partsOf, productPlan, productSizes } from "./product-plan.ts";
import { convRungs, type ProductRung, type WeightRung, weightRungs } from "./rungs.ts";
import { weightPlan } from "./weight-plan.ts";

/** Four cells side by side where channels are few, so that most rows of a block are some. */
function blockOf(channels: number): MatrixBlock {
  const depth = 32;
  if (channels <= 16) return { cellRows: 16, cellColumns: 32, down: 1, across: 4, depth };
  if (channels <= 32) return { cellRows: 32, cellColumns: 32, down: 1, across: 4, depth };
  return { cellRows: 32, cellColumns: 32, down: 2, across: 2, depth };
}

/** For convolutions of halves on devices with matrix instructions. Measuring finds it; nothing guesses it. */
const product: ProductRung = {
  name: "subgroup-matrix",
  needs: "subgroupMatrices",
  suits: () => false,
  plan(of, caps) {
    const { M, rows, columns, phaseRows, phaseColumns } = productSizes(of);
    const block = blockOf(M);
    const shape = matrixShapeOf(block, caps, convMatrixTables(block));
    if (!shape) return null;
    const places = Math.ceil(rows / phaseRows) * Math.ceil(columns / phaseColumns);
    const kernel = {
      code: convMatrix(of.epilogue, block, shape),
      rows: rowsOf(block),
      depth: partsOf(of),
      tilesN: (images: number) => Math.ceil((images * places) / columnsOf(block)),
      taps: { first: 0, step: 1 } as const,
    };
    return productPlan(of, kernel, caps);
  },
};

const weights: WeightRung = {
  name: "subgroup-matrix",
  needs: "subgroupMatrices",
  suits: () => false,
  plan(op, dims, sums, caps) {
    const block = blockOf(dims.outGroup);
    const shape = matrixShapeOf(block, caps, weightMatrixTable(block));
    if (!shape) return null;
    const tilesN = Math.ceil((dims.cGroup * dims.rows.kernel * dims.columns.kernel) / columnsOf(block));
    const kernel = {
      tilesN,
      rows: rowsOf(block),
      invocations: MATRIX_INVOCATIONS,
      code: (withSums: boolean) => convWeightMatrix(withSums, block, shape),
    };
    return weightPlan(op, dims, kernel, sums, caps);
  },
};

/** The kernel of an op that is a convolution or one of its gradients; null for any other op. */
// biome-ignore lint/suspicious/noExplicitAny: kernels of the op list have attributes of every type
export const convMatrixKernel = (op: AnyOp): Kernel<any> | null =>
  convRungs.of(op, product) ?? weightRungs.of(op, weights);
