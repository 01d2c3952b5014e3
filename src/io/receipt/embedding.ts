import type { EmbeddingSpec } from "../../nn/layers/embedding.ts";
import type { NumpyLayer } from "./place.ts";

export const embeddingNumpy: NumpyLayer<EmbeddingSpec> = {
  forward: (_, { i, a, h }) => [[`${a} = W${i}[${h[0]}]`, "embedding: each token's row"]],
  // In front of it are tokens, which have no derivative.
  backward: () => [],
  products: ({ paddingIndex }, { i, a, h }) => [
    [`dW${i} = np.zeros_like(W${i})`, "rows of tokens that do not occur stay 0"],
    [`np.add.at(dW${i}, ${h[0]}, d${a})`, "each row's is the sum over its token's places"],
    ...(paddingIndex === undefined ? [] : ([[`dW${i}[${paddingIndex}] = 0`, "padding learns nothing"]] as const)),
  ],
};
