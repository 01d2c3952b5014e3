import { describe, expect, test } from "vitest";
import { ndarray } from "../../src/core/ndarray.ts";
import {
  embedding,
  initialise,
  linear,
  lora,
  parameterSpecs,
  parseModel,
  sequential,
  tanh,
  tiedLinear,
} from "../../src/index.ts";
import { importNet } from "../../src/io/net/import.ts";
import { readOnnx } from "../../src/io/onnx/read.ts";
import { writeOnnx } from "../../src/io/onnx/write.ts";
import { modelPy } from "../../src/io/pytorch/model-script.ts";
import { receiptScript } from "../../src/io/receipt/script.ts";
import { transpose } from "../../src/io/weights/transpose.ts";
import { weightsOf, weightTensors } from "../../src/io/weights/weights.ts";

const model = sequential(
  [embedding(6, 3, { name: "tokens" }), linear(3), tiedLinear("tokens", 3, 6, { name: "head" })],
  {
    input: [4],
    loss: "crossEntropy",
  },
);

test("a head shares its embedding's weight: one parameter, of the embedding's name", () => {
  expect(parameterSpecs(model).map(({ name }) => name)).toEqual(["tokens.weight", "1.weight", "1.bias"]);
  expect(modelPy(model)).toContain('v["head"] = F.linear(v["1"], self.at("tokens").weight)');
});

test.each([
  [
    { to: "nowhere" },
    /layer 2 \(tiedLinear\) takes the weight \[6, 3\] of "nowhere", which is no embedding and no linear layer before it/,
  ],
  [{ to: "1" }, /takes the weight \[6, 3\] of "1", which has \[3, 3\]/],
  [{ transposed: false }, /takes the weight \[3, 6\] of "tokens", which has \[6, 3\]/],
  [{ out: 7 }, /takes the weight \[7, 3\] of "tokens", which has \[6, 3\]/],
  [{ to: 0 }, /"to" must be the name/],
  [{ in: 4 }, /takes the weight \[6, 4\]/],
])("%j is refused by name", (change, message) => {
  const layers = model.layers.map((layer, i) => (i === 2 ? { ...layer, ...change } : layer));
  expect(() => parseModel({ ...model, layers })).toThrow(message);
});

test("a state_dict that has the weight under both names is read where they are equal", () => {
  const weights = initialise(model, 1);
  const stored = new Map(weightTensors(model, weights));
  const tokens = stored.get("tokens.weight")!;
  const both = new Map([...stored, ["head.weight", tokens]]);
  expect(weightsOf(both, model)).toEqual(weights);
  both.delete("tokens.weight");
  expect(weightsOf(both, model).get("tokens.weight")).toEqual(weights.get("tokens.weight"));
  const other = ndarray(
    [6, 3],
    "f32",
    tokens.data.map((v, i) => (i === 4 ? v + 1 : v)),
  );
  expect(() => weightsOf(new Map([...stored, ["head.weight", other]]), model)).toThrow(
    /"head.weight" and "tokens.weight" are one parameter here, and differ/,
  );
});

test("as ONNX it takes int64 tokens, and comes back as the same model", () => {
  const weights = initialise(model, 2);
  const bytes = writeOnnx(model, weights);
  const back = readOnnx(bytes);
  expect(back.model).toEqual(model);
  expect(back.weights).toEqual(weights);
  // elem_type: int64, then the shape, a batch of any size and four steps.
  expect(Buffer.from(bytes).includes(Buffer.from([0x08, 7, 0x12, 0x0d, 0x0a, 7, 0x12, 5]))).toBe(true);
});

test("the graph alone says what it looks up, as other exporters write it", () => {
  const weights = initialise(model, 2);
  // Another loss than the metadata's: the graph is read. A shared weight comes as two, as it stands there.
  const {
    model: read,
    weights: found,
    notes,
  } = readOnnx(writeOnnx(model, weights), { loss: "mse", keepOutputs: true });
  expect(read.layers.map(({ type }) => type)).toEqual(["embedding", "linear", "linear"]);
  expect(read.input).toEqual([4]);
  expect(found.get("0.weight")!.data).toEqual(weights.get("tokens.weight")!.data);
  expect(notes.join()).not.toContain("as f32");
});

test("Keras's Embedding is one, without its mask", async () => {
  const file = (config: object) => ({
    name: "model.json",
    bytes: new TextEncoder().encode(
      JSON.stringify({
        format: "layers-model",
        generatedBy: "keras v2.13.1",
        modelTopology: {
          keras_version: "2.13.1",
          backend: "tensorflow",
          model_config: {
            class_name: "Sequential",
            config: {
              name: "sequential",
              layers: [
                { class_name: "InputLayer", config: { batch_input_shape: [null, 3], dtype: "int32", name: "input" } },
                { class_name: "Embedding", config: { name: "embedding", input_dim: 5, output_dim: 2, ...config } },
                { class_name: "Flatten", config: { name: "flatten" } },
                { class_name: "Dense", config: { name: "dense", units: 1, use_bias: false, activation: "linear" } },
              ],
            },
          },
        },
        weightsManifest: [
          {
            paths: ["w.bin"],
            weights: [
              { name: "embedding/embeddings", shape: [5, 2], dtype: "float32" },
              { name: "dense/kernel", shape: [6, 1], dtype: "float32" },
            ],
          },
        ],
      }),
    ),
    read: async () => new Uint8Array(Float32Array.from({ length: 16 }, (_, i) => i).buffer),
  });
  const { model: read, weights } = await importNet(file({}), { loss: "mse" });
  expect(read).toMatchObject({
    input: [3],
    layers: [{ type: "embedding", vocabulary: 5, size: 2 }, { type: "flatten" }, { type: "linear", in: 6 }],
  });
  expect([...weights.get("0.weight")!.data]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect([...weights.get("2.weight")!.data]).toEqual([10, 11, 12, 13, 14, 15]);
  await expect(importNet(file({ mask_zero: true }), { loss: "mse" })).rejects.toThrow(/"embedding".*mask_zero/);
  await expect(importNet(file({ input_dim: 6 }), { loss: "mse" })).rejects.toThrow(/a table of \[5, 2\] for 6 tokens/);
});

describe("a linear layer's weight", () => {
  const encoder = { ...linear(6, 3), name: "encoder" };
  const autoencoder = sequential([encoder, tanh(), tiedLinear("encoder", 3, 6, { name: "decoder" })], { loss: "mse" });
  const twice = sequential([{ ...linear(3, 3), name: "map" }, tanh(), tiedLinear("map", 3, 3, { transposed: false })], {
    loss: "mse",
  });

  test("is one parameter, in files and in PyTorch's words, turned or as it lies", () => {
    expect(parameterSpecs(autoencoder).map(({ name }) => name)).toEqual(["encoder.weight", "encoder.bias"]);
    expect(modelPy(autoencoder)).toContain('v["decoder"] = F.linear(v["1"], self.at("encoder").weight.t())');
    expect(modelPy(twice)).toContain('v["2"] = F.linear(v["1"], self.at("map").weight)');
    expect(parseModel(JSON.parse(JSON.stringify(twice)))).toEqual(twice);
  });

  test.each([
    ["turned", autoencoder, "encoder", "decoder"],
    ["as it lies", twice, "map", "2"],
  ] as const)(
    "%s: a state_dict with both names is read where they are equal, and ONNX says it",
    (_how, net, own, other) => {
      const weights = initialise(net, 3);
      const stored = new Map(weightTensors(net, weights));
      const file = stored.get(`${own}.weight`)!;
      const copy = net === autoencoder ? transpose(file) : file;
      const both = new Map([...stored, [`${other}.weight`, copy]]);
      expect(weightsOf(both, net)).toEqual(weights);
      both.delete(`${own}.weight`);
      expect(weightsOf(both, net)).toEqual(weights);
      const wrong = { ...copy, data: copy.data.map((v, i) => (i === 1 ? v + 1 : v)) as typeof copy.data };
      expect(() => weightsOf(new Map([...stored, [`${other}.weight`, wrong]]), net)).toThrow(/are one parameter here/);
      expect(readOnnx(writeOnnx(net, weights)).model).toEqual(net);
      // The graph alone: two maps, whose weights are each other's, turned or not.
      const { model: read, weights: found } = readOnnx(writeOnnx(net, weights), { loss: "huber", keepOutputs: true });
      expect(read.layers.map(({ type }) => type)).toEqual(["linear", "tanh", "linear"]);
      const [first, last] = [found.get("0.weight")!, found.get("2.weight")!];
      expect(last).toEqual(net === autoencoder ? transpose(first) : first);
    },
  );

  test("a receipt adds up what both layers say of it", () => {
    const run = { schedule: { type: "constant" }, computedBy: "", precision: "f32", clip: 0, rows: 2 } as const;
    const script = receiptScript({ ...run, model: autoencoder, optimizer: { type: "sgd", lr: 0.1 } });
    expect(script).toContain("a2 = a1 @ W0.T");
    expect(script).toMatch(/dW0 = .*\n(.*\n)*\s+dW0 = dW0 \+ da2\.reshape\(-1, 6\)\.T @ a1\.reshape\(-1, 3\)/);
    const plain = receiptScript({ ...run, model: twice, optimizer: { type: "sgd", lr: 0.1 } });
    expect(plain).toContain("dW0 = dW0 + a1.reshape(-1, 3).T @ da2.reshape(-1, 3)");
  });

  test("with an adapter is refused: merging it would change both", () => {
    expect(() => lora(autoencoder, { rank: 1, targets: ["encoder"] })).toThrow(/of "encoder", which has an adapter/);
  });
});
