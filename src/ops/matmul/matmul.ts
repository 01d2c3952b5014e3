import type { MatmulForm } from "../../../shaders/matmul/common.ts";
import type { Graph, Tensor } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { productOnChip } from "../shared/chip.ts";
import { productPlan } from "../shared/wasm-plan.ts";
import { matmulKernels, plainUse } from "./kernels.ts";
import { outerProduct } from "./outer-product.ts";
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

export function formOf(attrs: TransposeAttrs): MatmulForm {
  return attrs.transpose === "b" ? "NT" : "TN";
}

function transposed(g: Graph, a: Tensor, b: Tensor, transpose: "a" | "b", name: string): Tensor {
  return g.one(transposeMatmul, [a, b], { transpose }, name);
}
