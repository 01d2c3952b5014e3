import type { MatmulForm } from "../../../shaders/matmul/common.ts";
import type { Trial } from "../../graph/op.ts";
import { matmulDims } from "./dims.ts";

/** Trials of an op that is a product of inputs 0 and 1; a bias [N] or values [M, N] may follow. */
export function productTrial<A>(formOf: (attrs: A) => MatmulForm): Trial<A> {
  const problems = () => import("./trial-problems.ts");
  return {
    work(inputs, attrs) {
      const { M, N, K } = matmulDims(formOf(attrs), inputs[0]!, inputs[1]!);
      return M * N * K;
    },
    halve: async (inputs, attrs) => (await problems()).halveProduct(formOf(attrs), inputs),
    cut: async (inputs, attrs, rows) => (await problems()).cutRows(formOf(attrs), inputs, rows),
  };
}
