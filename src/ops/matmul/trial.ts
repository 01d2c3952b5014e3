import type { MatmulForm } from "../../../shaders/matmul/common.ts";
import type { TensorSpec } from "../../graph/graph.ts";
import type { Trial } from "../../graph/op.ts";
import { matmulDims } from "./dims.ts";
import type { MatmulDims } from "./rungs.ts";

/** No dimension is halved below this: kernels of blocks would have nothing to show. */
const LEAST = 64;
/** A kernel that takes sums in turns has other code where one turn is enough. */
const LEAST_TERMS = 2 * LEAST;

/** Trials of an op that is a product of inputs 0 and 1; a bias [N] or values [M, N] may follow. */
export function productTrial<A>(formOf: (attrs: A) => MatmulForm): Trial<A> {
  return {
    work(inputs, attrs) {
      const { M, N, K } = matmulDims(formOf(attrs), inputs[0]!, inputs[1]!);
      return M * N * K;
    },
    halve(inputs, attrs) {
      const dims = matmulDims(formOf(attrs), inputs[0]!, inputs[1]!);
      const able = (["M", "N", "K"] as const).filter((d) => dims[d] >= 2 * (d === "K" ? LEAST_TERMS : LEAST));
      if (able.length === 0) return null;
      const longest = able.reduce((a, b) => (dims[b] > dims[a] ? b : a));
      // Multiples of 4 stay so: they decide which kernels can read vec4.
      const half = dims[longest] % 4 === 0 ? Math.ceil(dims[longest] / 8) * 4 : Math.ceil(dims[longest] / 2);
      return inputs.map((t, i) => ({ ...t, shape: shapeOf({ ...dims, [longest]: half }, t, i) }));
    },
    cut: async (inputs, attrs, rows) => (await import("./trial-rows.ts")).cutRows(formOf(attrs), inputs, rows),
  };
}

function shapeOf({ form, M, N, K }: MatmulDims, t: TensorSpec, i: number): readonly number[] {
  if (i === 0) return form === "TN" ? [K, M] : [M, K];
  if (i === 1) return form === "NT" ? [N, K] : [K, N];
  return t.shape.length === 1 ? [N] : [M, N];
}
