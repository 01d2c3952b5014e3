import type { MatmulForm } from "../../../shaders/matmul/common.ts";
import { expectRank, type GraphBuilder, type Tensor, wrongShapes } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { productOnChip } from "../shared/chip.ts";
import { productPlan } from "../shared/wasm-plan.ts";
import { matmulKernels, plainUse } from "./kernels.ts";
import { outerProductKernels } from "./outer-product-kernels.ts";
import { product, productSpec } from "./reference.ts";
import { productTrial } from "./trial.ts";

/** Settings of transposeMatmul. */
export interface TransposeAttrs {
  /** Which operand is used transposed: "b" gives A BT (dx = dy wT), "a" gives AT B (dw = xT dy). */
  readonly transpose: "a" | "b";
}

/** y [M, N] = x [M, K] w [K, N]: the forward pass of a layer. */
export const matmul: Op<null> = {
  name: "matmul",
  infer: (inputs) => [productSpec(matmul, "NN", inputs)],
  reference: ([a, b]) => [product("NN", a!, b!)],
  wasm: (inputs) => productPlan("NN", inputs),
  gradient: (g, { inputs: [a, b] }, [dy]) => [
    transposed(g, dy!, b!, "b", `d ${a!.name}`),
    // For a batch of one the sum over rows has one term: an outer product.
    a!.shape[0] === 1
      ? g.one(outerProduct, [a!, dy!], null, `d ${b!.name}`)
      : transposed(g, a!, dy!, "a", `d ${b!.name}`),
  ],
  kernels: matmulKernels(
    "matmul",
    plainUse(() => "NN"),
  ),
  onChip: productOnChip("NN"),
  trial: productTrial(() => "NN"),
};

/** A BT or AT B, without ever materialising the transpose: the backward pass of a layer. */
export const transposeMatmul: Op<TransposeAttrs> = {
  name: "transposeMatmul",
  infer: (inputs, attrs) => [productSpec(transposeMatmul, formOf(attrs), inputs)],
  reference: ([a, b], attrs) => [product(formOf(attrs), a!, b!)],
  wasm: (inputs, _outputs, attrs) => productPlan(formOf(attrs), inputs),
  gradient: (g, { inputs: [a, b], attrs }, [dy]) =>
    attrs.transpose === "b"
      ? [g.one(matmul, [dy!, b!], null, `d ${a!.name}`), transposed(g, dy!, a!, "a", `d ${b!.name}`)]
      : [transposed(g, b!, dy!, "b", `d ${a!.name}`), g.one(matmul, [a!, dy!], null, `d ${b!.name}`)],
  kernels: matmulKernels("transposeMatmul", plainUse(formOf)),
  onChip: (w, inputs, outputs, attrs) => productOnChip(formOf(attrs))(w, inputs, outputs, attrs),
  trial: productTrial(formOf),
};

/** C [M, N] = aT b for a [1, M], b [1, N]: the weight gradient of a batch of one. */
export const outerProduct: Op<null> = {
  name: "outerProduct",
  infer(inputs) {
    expectRank(outerProduct, inputs, [2, 2]);
    if (inputs.some((t) => t.shape[0] !== 1)) wrongShapes(outerProduct, inputs, "two rows, [1, M] and [1, N]");
    return [{ shape: [inputs[0]!.shape[1]!, inputs[1]!.shape[1]!], dtype: "f32" }];
  },
  reference: ([a, b]) => [product("TN", a!, b!)],
  wasm: (inputs) => productPlan("TN", inputs),
  gradient: (g, { inputs: [a, b] }, [dy]) => [
    g.one(transposeMatmul, [b!, dy!], { transpose: "b" } as const, `d ${a!.name}`),
    g.one(matmul, [a!, dy!], null, `d ${b!.name}`),
  ],
  kernels: outerProductKernels,
  onChip: productOnChip("TN"),
};

export function formOf(attrs: TransposeAttrs): MatmulForm {
  return attrs.transpose === "b" ? "NT" : "TN";
}

function transposed(g: GraphBuilder, a: Tensor, b: Tensor, transpose: "a" | "b", name: string): Tensor {
  return g.one(transposeMatmul, [a, b], { transpose }, name);
}
