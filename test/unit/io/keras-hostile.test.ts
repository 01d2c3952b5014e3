import { describe, expect, it } from "vitest";
import { type NdArray, ndarray, zeros } from "../../../src/core/ndarray.ts";
import type { Json } from "../../../src/io/keras/json.ts";
import { readKeras } from "../../../src/io/keras/read.ts";
import { addWired } from "../../../src/io/keras/wired-layers.ts";
import { importNet } from "../../../src/io/net/import.ts";
import { dense, layer } from "./keras-model.ts";

const input = (...shape: number[]): unknown => layer("InputLayer", "i", { batch_shape: [null, ...shape] });

describe("a Keras model that is no net of layers known here", () => {
  it.each<[string, unknown[], string]>([
    ["a layer of another kind", [layer("ConvLSTM2D", "c", {})], 'layer "c" (ConvLSTM2D) is not known here'],
    [
      "a layer of another kind in a model within",
      [layer("Sequential", "inner", { layers: [layer("Lambda", "l", {})] })],
      'layer "inner/l" (Lambda) is not known here',
    ],
    [
      "models within models without end",
      [
        Array(9)
          .fill(0)
          .reduce((inner, _, i) => layer("Sequential", `m${i}`, { layers: [inner] }), dense("d", 2)),
      ],
      "more than 8 deep",
    ],
    [
      "a class of the model's own",
      [{ ...dense("d", 2), registered_name: "mine>Dense" }],
      'layer "d" (Dense) is a class of the model\'s own, "mine>Dense"',
    ],
    [
      "an activation that Keras 3 changed",
      [dense("d", 2, { activation: "hard_sigmoid" })],
      "hard_sigmoid is another function before Keras 3",
    ],
    [
      "a softmax of each row of a matrix",
      [input(2, 3), layer("Activation", "s", { activation: "softmax" }), layer("Flatten", "f", {}), dense("d", 2)],
      'layer "s" (Activation): works along axis -1 of values of shape [2, 3], not along rows',
    ],
    [
      "a normalisation of each row of a matrix",
      [input(2, 3), layer("LayerNormalization", "n", {})],
      'layer "n" (LayerNormalization): expected 3 values, got an array of [1, 2]',
    ],
    [
      "values that move at the end",
      [
        dense("d", 2),
        layer("Reshape", "r", { target_shape: [2, 1] }),
        layer("Permute", "p", { dims: [2, 1] }),
        layer("Reshape", "q", { target_shape: [3, 1] }),
      ],
      'layer "q" (Reshape): reshapes [1, 2] to [3,1]',
    ],
    [
      "channels that move where no shape is known",
      [layer("Flatten", "f", { data_format: "channels_first" }), dense("d", 2)],
      "the shape of the model's input is needed",
    ],
    [
      "an order that is none",
      [input(2, 3), layer("Permute", "p", { dims: [1, 1] })],
      "dims [1,1] are no order of the axes of [2, 3]",
    ],
    ["a data format that is none", [layer("Flatten", "f", { data_format: "first" })], "data_format must be"],
    ["a kernel of another width", [input(3), dense("d", 2)], "its kernel takes 1 values, but is given 3"],
    ["an input without a size", [layer("InputLayer", "i", { batch_shape: [null, 0] })], "whole numbers from 1"],
    ["a scale that is no number", [layer("Rescaling", "r", { scale: "x", offset: 0 })], "scale must be a number"],
    [
      "means for another width",
      [input(3), layer("Normalization", "n", { mean: [1, 2], variance: [1, 2] })],
      "has 2 numbers, but works along 3 places of [3]",
    ],
    [
      "a width beyond the file's weights",
      [input(2, 100_000_000), layer("Rescaling", "r", { scale: [1, 2, 3], offset: 0 })],
      "more than the file has weights for",
    ],
    [
      "an activation",
      [dense("d", 2, { activation: "softsign" })],
      'layer "d" (Dense): the activation "softsign" is not known here',
    ],
    ["an activation that objects have", [dense("d", 2, { activation: "toString" })], '"toString" is not known here'],
    ["units that differ from the kernel", [dense("d", 3)], 'layer "d" (Dense) has 3 units, but a kernel of [1, 2]'],
    ["a ReLU that leaps", [dense("d", 2), layer("ReLU", "r", { threshold: 1 })], "threshold 1, where values leap"],
    ["a softmax along the batch", [dense("d", 2), layer("Softmax", "s", { axis: 0 })], "works along axis 0"],
    [
      "a dropout of everything",
      [dense("d", 2), layer("Dropout", "o", { rate: 1 })],
      '"p" must be at least 0 and below 1',
    ],
    ["masks of another shape", [dense("d", 2), layer("Dropout", "o", { rate: 0.1, noise_shape: [1] })], "noise_shape"],
    [
      "a normalisation without arrays",
      [layer("LayerNormalization", "n", { scale: false, center: false })],
      "its width is not known",
    ],
    ["a name twice", [dense("d", 2), dense("d", 2)], 'two layers have the name "d"'],
    ["rows of rows", [input(3, 2), dense("d", 2)], "a kernel of [1, 2] for rows of [3, 2]"],
    ["no layers", [], "at least one layer"],
    ["a layer that is none", [5], "layer 0 must be an object, got 5"],
  ])("is refused: %s", (_, layers, message) => {
    const arrays = new Map<string, NdArray>([
      ["k", zeros([1, 2], "f32")],
      ["b", zeros([2], "f32")],
    ]);
    expect(() => readKeras({ class_name: "Sequential", config: { layers } }, arrays)).toThrow(message);
  });

  it("is refused where values move at the end, where no weights could take that over", () => {
    const layers = [
      dense("d", 6, { use_bias: false }),
      layer("Reshape", "r", { target_shape: [2, 3] }),
      layer("Permute", "p", { dims: [2, 1] }),
    ];
    const arrays = new Map([["k", zeros([1, 6], "f32")]]);
    const read = () => readKeras({ class_name: "Sequential", config: { layers } }, arrays);
    expect(read).toThrow('layer "p" (Permute) moves values, and no layer with weights follows');
    layers.push(layer("Permute", "back", { dims: [2, 1] }));
    expect(read).not.toThrow();
  });

  it("may use a layer again, and its models no more often than can be gone through", () => {
    const from = (name: string, call = 0) => [[name, call, 0, {}]];
    const start = { ...layer("InputLayer", "i", { batch_shape: [null, 2] }), name: "i", inbound_nodes: [] };
    const again = { ...dense("a", 2), name: "a", inbound_nodes: [from("i"), from("a")] };
    const config = { layers: [start, again], output_layers: [["a", 1, 0]] };
    const arrays = new Map([
      ["k", ndarray([2, 2], "f32", [1, 2, 3, 4])],
      ["b", ndarray([2], "f32", [5, 6])],
    ]);
    const { weights, notes } = readKeras({ class_name: "Functional", config }, arrays, { loss: "mse" });
    expect([...weights.values()].map(({ data }) => [...data])).toEqual([
      [1, 2, 3, 4],
      [5, 6],
      [1, 2, 3, 4],
      [5, 6],
    ]);
    expect(notes.join()).toContain('layer "a" (Dense) is used several times: each use is a layer here');
    const tensor = (name: string) => ({ class_name: "__keras_tensor__", config: { keras_history: [name, 0, 0] } });
    const calls = Array.from({ length: 16 }, () => ({ args: [tensor("i")], kwargs: {} }));
    let model: Json = { class_name: "Functional", config: { layers: [start], output_layers: [["i", 0, 0]] } };
    for (let deep = 0; deep < 8; deep++) {
      const inner = { ...model, name: "m", inbound_nodes: calls };
      model = { class_name: "Functional", config: { layers: [start, inner], output_layers: [["m", 15, 0]] } };
    }
    expect(() => readKeras(model, new Map())).toThrow("models within models are used more than 3000 times");
  });

  it("is refused for the way its layers are joined", () => {
    const input = { ...layer("InputLayer", "i", {}), name: "i", inbound_nodes: [] };
    const node = (name: string, ...from: string[]) => ({
      ...dense(name, 2),
      name,
      inbound_nodes: [from.map((f) => [f, 0, 0, {}])],
    });
    const model = (layers: unknown[], output = "a") => ({
      class_name: "Functional",
      config: { layers, output_layers: [[output, 0, 0]] },
    });
    const refused = (layers: unknown[], message: string, output?: string) =>
      expect(() => readKeras(model(layers, output), new Map())).toThrow(message);
    refused([input, node("a", "i"), node("b", "i")], "the shape of the model's input is not in the file");
    refused([{ ...input, config: { batch_shape: [null, 2] } }, node("a", "i", "i")], "takes one value, but is given 2");
    const often = Array.from({ length: 17 }, () => [["i", 0, 0]]);
    refused([input, { ...node("a", "i"), inbound_nodes: often }], "is used 17 times; here 16 times at most");
    const within = (inner: object) => ({ ...inner, name: "a", inbound_nodes: often.slice(0, 2) });
    refused(
      [input, within(model([input], "i"))],
      "(Functional) is a model that is used 2 times, which is read of Keras 3",
    );
    refused([input, { ...input, name: "j" }, node("a", "i")], "one input layer, but has 2");
    refused([node("a", "b"), node("b", "a")], "one input layer, but has 0");
    refused(
      [input, node("a", "b"), node("b", "a")],
      'layer "a" (Dense) takes what "b" gives, which does not come from the input',
    );
    refused([input, node("a", "i")], 'the model\'s output is "z", and no layer is called so', "z");
    expect(() => readKeras({ class_name: "Custom", config: {} }, new Map())).toThrow('a model of class "Custom"');
  });

  it("is refused when it was compiled with another loss, until one is named", () => {
    const json = { class_name: "Sequential", config: { layers: [dense("d", 2)] }, compile_config: { loss: "mae" } };
    const arrays = new Map([
      ["k", zeros([1, 2], "f32")],
      ["b", zeros([2], "f32")],
    ] as const);
    expect(() => readKeras(json, arrays)).toThrow('the loss "mae", which is not known here');
    expect(readKeras(json, arrays, { loss: "huber" }).model.loss).toBe("huber");
  });

  it("names an unknown layer between wired ones in a message that can be read", () => {
    const long = { path: ["a".repeat(200)], className: "Q".repeat(300), config: {} };
    const message = caught(() => addWired(long as never, [null as never], null as never));
    expect(message).toMatch(/Q\) is not known here/);
    for (const known of ["Conv", "Pooling", "LSTM", "Normalization"]) expect(message).toContain(known);
    expect(message.length).toBeLessThan(600);
  });

  it("is refused when it is no JSON, or nested too deep, or HDF5", async () => {
    const text = (s: string) => importNet({ name: "m.json", bytes: new TextEncoder().encode(s) });
    await expect(text("{")).rejects.toThrow("m.json is not JSON");
    await expect(text('{"a":'.repeat(30))).rejects.toThrow("nested more than 24 deep");
    await expect(text('{"a":1,"a":2}')).rejects.toThrow('"a" occurs twice');
    await expect(text("[1]")).rejects.toThrow("must be an object");
    await expect(text('{"layers":[]}')).rejects.toThrow("neither a model.json of TensorFlow.js, nor");
    await expect(text("PK\u0003\u0004")).rejects.toThrow("not a zip archive, or cut short");
    await expect(text("layers")).rejects.toThrow("neither an ONNX file nor");
  });
});

function caught(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return (error as Error).message;
  }
  return "";
}
