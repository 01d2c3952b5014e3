import type { Proof } from "../../graph/op.ts";
import { matmulCase, productBound } from "./reference.ts";

export const outerProduct: Proof<null> = {
  bound: (inputs, errors, outputs) => [productBound("TN", inputs, errors, outputs[0]!)],
  cases: [
    [1, 1],
    [4, 4],
    [7, 5],
    [33, 64],
    [300, 10],
    [128, 260],
  ].map(([M, N]) => matmulCase("TN", M!, N!, 1, null)),
};
