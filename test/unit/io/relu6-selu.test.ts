import { describe, expect, it } from "vitest";
import { ndarray } from "../../../src/core/ndarray.ts";
import { denseLayers } from "../../../src/io/dense-layers.ts";
import type { Json } from "../../../src/io/keras/json.ts";
import { readKeras } from "../../../src/io/keras/read.ts";
import { readOnnx } from "../../../src/io/onnx/read.ts";
import { writeOnnx } from "../../../src/io/onnx/write.ts";
import { torchLayer } from "../../../src/io/pytorch/names.ts";
import { numpyLayer } from "../../../src/io/receipt/layers.ts";
import { placesOf } from "../../../src/io/receipt/place.ts";
import { initialise } from "../../../src/nn/initialise.ts";
import { parseModel } from "../../../src/nn/parse-model.ts";
import { outputsOf } from "../../shared/outputs.ts";
import { dense, layer } from "./keras-model.ts";

const model = parseModel({
  layers: [
    { type: "linear", in: 3, out: 4 },
    { type: "relu6" },
    { type: "linear", in: 4, out: 4 },
    { type: "selu" },
    { type: "linear", in: 4, out: 2 },
  ],
  loss: "mse",
});

describe("relu6 and selu", () => {
  const ones = new Map([["k", ndarray([1, 1], "f32", [1])]]);
  const keras = (config: Json, ...more: unknown[]) => {
    const layers = [dense("d", 1, { use_bias: false, ...config }), ...more];
    return readKeras({ class_name: "Sequential", config: { layers } }, ones, { loss: "mse" });
  };

  it.each<[string, () => ReturnType<typeof readKeras>, readonly number[]]>([
    ["relu6", () => keras({ activation: "relu6" }), [0, 0, 0.5, 6]],
    ["a ReLU that ends at 6", () => keras({}, layer("ReLU", "r", { max_value: 6 })), [0, 0, 0.5, 6]],
    // By numpy, from the paper's scale and alpha.
    [
      "selu",
      () => keras({ activation: "selu" }),
      [-1.5201664685956948, -0.6917581878028713, 0.5253504936777402, 7.354906911488364],
    ],
  ])("come from Keras: %s", async (_, read, wanted) => {
    const net = read();
    const values = await outputsOf(net.model, net.weights, [[-2], [-0.5], [0.5], [7]]);
    values.forEach((value, i) => {
      expect(Math.abs(value - wanted[i]!)).toBeLessThan(1e-12);
    });
  });

  it("come back from ONNX as they were, and from its ops alone", () => {
    const weights = initialise(model, 3);
    const bytes = writeOnnx(model, weights);
    expect(readOnnx(bytes).model).toEqual(model);
    // Without our own metadata.
    const text = new TextDecoder("latin1").decode(bytes).replace("chainrule.model", "another__model_");
    const other = readOnnx(
      Uint8Array.from(text, (c) => c.charCodeAt(0)),
      { loss: "mse" },
    );
    expect(other.model.layers).toEqual(model.layers);
  });

  it("have PyTorch's names, and numpy's formulas", () => {
    const layers = denseLayers(model, "PyTorch");
    expect(layers.map((l) => torchLayer(l)).slice(1, 4)).toEqual(["nn.ReLU6()", "nn.Linear(4, 4)", "nn.SELU()"]);
    const places = placesOf(model, false);
    const lines = [1, 3].flatMap((i) => {
      const numpy = numpyLayer(model.layers[i]!);
      return [...numpy.forward(model.layers[i]!, places[i]!), ...numpy.backward(model.layers[i]!, places[i]!)];
    });
    const code = lines.map(([line]) => line).join("\n");
    expect(code).toContain("np.clip(a0, 0, 6)");
    expect(code).toContain(
      "np.where(a2 > 0, 1.0507009873554805 * a2, 1.7580993408473766 * np.expm1(np.minimum(a2, 0)))",
    );
  });
});
