import type { Proof } from "../../graph/op.ts";
import { formOf, type TransposeAttrs } from "./matmul.ts";
import { matmulCase, productBound, productSizes as sizes } from "./reference.ts";

export const matmul: Proof<null> = {
  bound: (inputs, errors, outputs) => [productBound("NN", inputs, errors, outputs[0]!)],
  cases: sizes.map(([M, N, K]) => matmulCase("NN", M, N, K, null)),
};

export const transposeMatmul: Proof<TransposeAttrs> = {
  bound: (inputs, errors, outputs, attrs) => [productBound(formOf(attrs), inputs, errors, outputs[0]!)],
  cases: (["a", "b"] as const).flatMap((transpose) =>
    sizes.map(([M, N, K]) => matmulCase(formOf({ transpose }), M, N, K, { transpose })),
  ),
};
