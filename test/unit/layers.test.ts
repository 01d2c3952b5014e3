import { expect, test } from "vitest";
import * as library from "../../src/index.ts";
import { layerTypes } from "../../src/nn/layers/registry.ts";
import { parseModel } from "../../src/nn/parse-model.ts";

const { dropout, elu, layerNorm, leakyRelu, linear, relu, sequential, softmax, tanh } = library;

test("there is a function of its name for every type of layer", () => {
  const functions = Object.entries(library).flatMap(([name, value]) => (typeof value === "function" ? [name] : []));
  expect(functions).toEqual(expect.arrayContaining([...layerTypes]));
});

test("sequential gives what the model's file gives, widths filled in", () => {
  const made = sequential(
    [linear(4, 8, { bias: false }), leakyRelu(0.2), layerNorm(), elu(), dropout(0.1), linear(6), tanh(), linear(3)],
    { loss: "crossEntropy" },
  );
  expect(made).toEqual(
    parseModel({
      layers: [
        { type: "linear", in: 4, out: 8, bias: false },
        { type: "leakyRelu", slope: 0.2 },
        { type: "layerNorm", size: 8 },
        { type: "elu" },
        { type: "dropout", p: 0.1 },
        { type: "linear", in: 8, out: 6 },
        { type: "tanh" },
        { type: "linear", in: 6, out: 3 },
      ],
      loss: "crossEntropy",
    }),
  );
  expect(sequential([layerNorm(5, { eps: 1e-3 }), linear(2)], { loss: "mse" }).layers).toEqual([
    { type: "layerNorm", size: 5, eps: 1e-3 },
    { type: "linear", in: 5, out: 2, bias: true },
  ]);
});

test("what does not fit is refused by the layer's place", () => {
  const mse = { loss: "mse" } as const;
  const bad = { code: "model" };
  expect(() => sequential([relu(), linear(8)], mse)).toThrow(/layer 1 \(linear\).*linear\(inputs, outputs\)/);
  expect(() => sequential([layerNorm(), linear(8)], mse)).toThrow(/layer 0 \(layerNorm\).*layerNorm\(size\)/);
  expect(() => sequential([linear(2, 8), linear(9, 1)], mse)).toThrow(/layer 1 .*takes 9.*gives 8/);
  expect(() => sequential([linear(2, 0)], mse)).toThrow(/"out" must be a whole number/);
  expect(() => sequential([linear(2, 3), dropout(1)], mse)).toThrow(expect.objectContaining(bad));
  expect(() => sequential([], mse)).toThrow(expect.objectContaining(bad));
  expect(() => sequential([softmax()], mse)).toThrow(/no layer has parameters/);
  expect(() => sequential([linear(2, 1)], { loss: "no such loss" as "mse" })).toThrow(/unknown loss/);
});
