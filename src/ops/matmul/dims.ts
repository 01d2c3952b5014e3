import type { MatmulForm } from "../../../shaders/matmul/common.ts";
import type { TensorSpec } from "../../graph/graph.ts";
import type { MatmulDims } from "./rungs.ts";

/** Depths that blocks have (rungs.ts), each a multiple of the next: a sum of whole blocks has code of its own. */
export const DEPTHS = [32, 16];

/** Sizes of a product, from the shapes of its operands as they lie in memory. */
export function matmulDims(form: MatmulForm, a: TensorSpec, b: TensorSpec): MatmulDims {
  const [a0, a1] = a.shape as readonly [number, number];
  const [b0, b1] = b.shape as readonly [number, number];
  if (form === "NN") return { form, M: a0, N: b1, K: a1 };
  if (form === "NT") return { form, M: a0, N: b0, K: a1 };
  return { form, M: a1, N: b1, K: a0 };
}

/** Strides (outer, k) of each operand, so that one loop serves the three forms. */
export function operandStrides({ form, M, N, K }: MatmulDims) {
  return {
    am: form === "TN" ? 1 : K,
    ak: form === "TN" ? M : 1,
    bn: form === "NT" ? K : 1,
    bk: form === "NT" ? 1 : N,
  };
}
