import type { EmbeddingSpec } from "../../nn/layers/embedding.ts";
import { isTransposed, type TiedLinearSpec } from "../../nn/layers/tied-linear.ts";
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
  forward: (layer, { a, h, placeOf }) => {
    const W = `W${placeOf(layer.to)}`;
    if (!isTransposed(layer)) return [[`${a} = ${h[0]} @ ${W}`, "by the weight of a layer before it"]];
    return [[`${a} = ${h[0]} @ ${W}.T`, "by the weight of a layer before it, turned"]];
  },
  backward: (layer, c) =>
    back(c, `d${c.a} @ W${c.placeOf(layer.to)}${isTransposed(layer) ? "" : ".T"}`, "back through it"),
  products: (layer, { a, h, placeOf }) => {
    const dW = `dW${placeOf(layer.to)}`;
    const [taken, given] = [`${h[0]}.reshape(-1, ${layer.in})`, `d${a}.reshape(-1, ${layer.out})`];
    const rows = isTransposed(layer) ? `${given}.T @ ${taken}` : `${taken}.T @ ${given}`;
    return [[`${dW} = ${dW} + ${rows}`, "that layer's gradient has this one's part too"]];
  },
};
