import type { ModelSpec } from "../../src/nn/model-spec.ts";
import { parseModel } from "../../src/nn/parse-model.ts";

/** A net with every kind of layer, small. */
export const everyLayer: ModelSpec = parseModel({
  layers: [
    { type: "linear", in: 5, out: 7 },
    { type: "layerNorm", size: 7 },
    { type: "gelu" },
    { type: "linear", in: 7, out: 6, bias: false },
    { type: "silu" },
    { type: "dropout", p: 0.3 },
    { type: "linear", in: 6, out: 6 },
    { type: "elu", alpha: 0.7 },
    { type: "linear", in: 6, out: 6 },
    { type: "leakyRelu", slope: 0.1 },
    { type: "linear", in: 6, out: 6 },
    { type: "softplus" },
    { type: "linear", in: 6, out: 6 },
    { type: "sigmoid" },
    { type: "linear", in: 6, out: 6 },
    { type: "softmax" },
    { type: "linear", in: 6, out: 6 },
    { type: "tanh" },
    { type: "linear", in: 6, out: 6 },
    { type: "relu" },
    { type: "linear", in: 6, out: 3 },
  ],
  loss: "crossEntropy",
});
