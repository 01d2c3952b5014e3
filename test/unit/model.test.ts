import { describe, expect, test } from "vitest";
import { ndarray } from "../../src/core/ndarray.ts";
import { balancedClassWeights } from "../../src/nn/class-weights.ts";
import { allPresets } from "../../src/nn/image-presets.ts";
import { parameterSpecs } from "../../src/nn/parameter-specs.ts";
import { requireFits } from "../../src/nn/parameters.ts";
import { parseModel as parseAny, parseModel } from "../../src/nn/parse-model.ts";
import { widths } from "../../src/nn/shapes.ts";

const linear = (i: number, o: number) => ({ type: "linear", in: i, out: o });

const classifier = { layers: [linear(2, 3)], loss: "crossEntropy" };

describe("a model file", () => {
  test("gives parameters PyTorch's names and our shapes", () => {
    const model = parseModel({
      layers: [linear(5, 7), { type: "layerNorm", size: 7 }, { type: "relu" }, { ...linear(7, 3), bias: false }],
      loss: "crossEntropy",
    });
    expect(parameterSpecs(model).map(({ name, shape }) => [name, shape])).toEqual([
      ["0.weight", [5, 7]],
      ["0.bias", [7]],
      ["1.weight", [7]],
      ["1.bias", [7]],
      ["3.weight", [7, 3]],
    ]);
    expect(widths(model)).toMatchObject({ inputs: 5, outputs: 3 });
  });

  test.each([
    [null, /JSON object/],
    [{ layers: [], loss: "mse" }, /at least one layer/],
    [{ layers: [linear(2, 3)], loss: "nope" }, /unknown loss "nope"; known are/],
    [{ layers: [linear(2, 3)], loss: "__proto__" }, /unknown loss/],
    [{ layers: [linear(2, 3), linear(4, 1)], loss: "mse" }, /layer 1 \(linear\) takes 4 values, but .* gives 3/],
    [{ layers: [linear(0, 3)], loss: "mse" }, /"in" must be a whole number/],
    [{ layers: [linear(2.5, 3)], loss: "mse" }, /"in" must be a whole number/],
    [{ layers: [{ type: "conv" }], loss: "mse" }, /unknown type "conv"; known are linear/],
    [{ layers: [{ ...linear(1, 1), foo: 1 }], loss: "mse" }, /unknown field "foo"/],
    [{ layers: [{ ...linear(1, 1), bias: 1 }], loss: "mse" }, /"bias" must be true or false/],
    [{ layers: [linear(1, 1), { type: "dropout", p: 1 }], loss: "mse" }, /"p" must be at least 0 and below 1/],
    [{ layers: [linear(3, 3), { type: "layerNorm", size: 4 }], loss: "mse" }, /takes 4 values, .* gives 3/],
    [{ layers: [{ type: "relu" }], loss: "mse" }, /nothing to train/],
    [{ layers: [linear(2, 3)], loss: "mse", labelSmoothing: 0.1 }, /"labelSmoothing" is for the loss crossEntropy/],
    [{ ...classifier, labelSmoothing: 1 }, /"labelSmoothing" must be at least 0 and below 1, got 1/],
    [{ ...classifier, classWeights: [1, 2] }, /"classWeights" must be a list of 3 numbers.* got 2/],
    [{ ...classifier, classWeights: "balanced" }, /list of 3 numbers.* got "balanced"/],
    [{ ...classifier, classWeights: [1, 0, 1] }, /must be positive numbers, got 0 for class 1/],
  ])("%j is refused by name", (json, message) => {
    expect(() => parseModel(json)).toThrow(message);
  });

  test("a layer larger than the device is refused with layer, bytes and limit", () => {
    const model = parseModel({ layers: [linear(1000, 1000)], loss: "mse" });
    expect(() => requireFits(model, 2 ** 20)).toThrow(
      /layer 0 \(linear\): 0.weight needs 4000000 bytes.*1048576 bytes/,
    );
  });
});

test("balanced class weights: every class has the same say, and their mean over the rows is 1", () => {
  const labels = ndarray([8], "i32", [0, 0, 0, 0, 0, 1, 1, 3]);
  expect(balancedClassWeights(labels, 4)).toEqual([8 / 20, 1, 1, 2]);
});

test.each(Object.entries(allPresets))("the preset %s is what a model file of it reads as", (_name, { model }) => {
  expect(parseAny(JSON.parse(JSON.stringify(model)))).toEqual(model);
});
