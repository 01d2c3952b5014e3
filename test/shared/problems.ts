import { type NdArray, ndarray } from "../../src/core/ndarray.ts";
import { normals } from "../../src/core/philox.ts";
import type { ModelSpec } from "../../src/nn/model-spec.ts";
import { parseModel } from "../../src/nn/parse-model.ts";

/** Two classes, inside and outside a circle: small, and not linearly separable. */
export function ring(n: number, seed = 3): { x: NdArray; y: NdArray } {
  const x = ndarray([n, 2], "f32", normals(seed, 4, 0, n * 2));
  const inside = (i: number) => Math.hypot(x.data[2 * i]!, x.data[2 * i + 1]!) < 1.1;
  return {
    x,
    y: ndarray(
      [n],
      "i32",
      Int32Array.from({ length: n }, (_, i) => (inside(i) ? 0 : 1)),
    ),
  };
}

/** Every kind of layer that can lie between two linears, dropout included. */
export const mixedNet: ModelSpec = parseModel({
  layers: [
    { type: "linear", in: 2, out: 24 },
    { type: "tanh" },
    { type: "dropout", p: 0.1 },
    { type: "linear", in: 24, out: 16 },
    { type: "layerNorm", size: 16 },
    { type: "gelu" },
    { type: "linear", in: 16, out: 2 },
  ],
  loss: "crossEntropy",
});

export const smallNet: ModelSpec = parseModel({
  layers: [{ type: "linear", in: 2, out: 16 }, { type: "relu" }, { type: "linear", in: 16, out: 2 }],
  loss: "crossEntropy",
});
