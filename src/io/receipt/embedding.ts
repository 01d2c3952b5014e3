import type { EmbeddingSpec } from "../../nn/layers/embedding.ts";
import type { TiedLinearSpec } from "../../nn/layers/tied-linear.ts";
import { back, type NumpyLayer } from "./place.ts";

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

export const tiedLinearNumpy: NumpyLayer<TiedLinearSpec> = {
  forward: ({ to }, { a, h, placeOf }) => [[`${a} = ${h[0]} @ W${placeOf(to)}.T`, "by the embedding's weight, turned"]],
  backward: ({ to }, c) => back(c, `d${c.a} @ W${c.placeOf(to)}`, "back through it"),
  products: (layer, { a, h, placeOf }) => {
    const dW = `dW${placeOf(layer.to)}`;
    const rows = `d${a}.reshape(-1, ${layer.out}).T @ ${h[0]}.reshape(-1, ${layer.in})`;
    return [[`${dW} = ${dW} + ${rows}`, "the embedding's gradient has this layer's part too"]];
  },
};
