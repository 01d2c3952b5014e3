import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ndarray, zeros } from "../../../src/core/ndarray.ts";
import { type Json, parseObject } from "../../../src/io/keras/json.ts";
import { readKeras, readTfjs } from "../../../src/io/keras/read.ts";
import { importNet } from "../../../src/io/net/import.ts";
import { readNpz } from "../../../src/io/numpy/npz.ts";
import type { ModelSpec } from "../../../src/nn/model-spec.ts";
import { difference, outputsOf } from "../../shared/outputs.ts";
import { dense, layer, tfjs } from "./keras-model.ts";

const folder = new URL("../../fixtures/keras/", import.meta.url);
const file = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, folder)));
const table = (name: string) => JSON.parse(new TextDecoder().decode(file(name)));
const types = (model: ModelSpec): string => model.layers.map((l) => l.type).join(" ");
const read = async (name: string): Promise<Uint8Array> => file(name);

describe("Keras", () => {
  it.each([
    [
      "sequential",
      "linear relu layerNorm dropout linear leakyRelu linear gelu layerNorm linear leakyRelu elu linear silu linear softmax",
    ],
    ["functional", "linear tanh leakyRelu linear softplus linear elu softmax linear sigmoid"],
  ])("computes what the %s model computes", async (name, layers) => {
    const arrays = await readNpz(file(`${name}.npz`));
    const net = await importNet({ name, bytes: file(`${name}.json`), arrays }, { loss: "mse" });
    expect(types(net.model)).toBe(layers);
    const { x, y } = table("expected.json")[name];
    expect(difference(await outputsOf(net.model, net.weights, x), y.flat())).toBeLessThan(1e-5);
  });

  it("keeps Keras's own defaults, and takes the loss that the model was compiled with", async () => {
    const arrays = await readNpz(file("sequential.npz"));
    const { model, notes } = await importNet({ name: "sequential", bytes: file("sequential.json"), arrays });
    expect(model.layers[2]).toEqual({ type: "layerNorm", size: 6, eps: 1e-3 });
    expect(model.layers[5]).toEqual({ type: "leakyRelu", slope: 0.3 });
    expect(model.layers[10]).toEqual({ type: "leakyRelu", slope: 0.2 });
    expect(model.loss).toBe("crossEntropy");
    expect(model.layers.at(-1)!.type).toBe("linear");
    expect(notes).toEqual([
      "the softmax at the end is left out: crossEntropy applies it itself; the outputs are logits",
    ]);
  });

  it("never gives one array to two layers of the same name", async () => {
    const inner = (name: string) => layer("Sequential", name, { layers: [dense("d", 2, { use_bias: false })] });
    const weights = ["d/kernel", "d/kernel_1"].map((of) => ({ name: of, shape: [2, 2], dtype: "float32" }));
    const json = tfjs([inner("a"), inner("b")], weights);
    await expect(async () => readTfjs(json, new Map([["w.bin", new Uint8Array(32)]]))).rejects.toThrow(
      'layer "b/d" (Dense): its kernel would be "d/kernel", which another layer of that name has taken',
    );
  });

  it("needs just as many arrays as the layers have", async () => {
    const json = parseObject(file("functional.json"), "f");
    const arrays = [...(await readNpz(file("functional.npz")))];
    expect(() => readKeras(json, new Map(arrays.slice(0, -1)))).toThrow("there are 7 arrays, too few");
    expect(() => readKeras(json, new Map([...arrays, ["more", zeros([1], "f32")]]))).toThrow(
      "9 arrays, but the model's layers have 8",
    );
    const swapped = new Map([arrays[1]!, arrays[0]!, ...arrays.slice(2)]);
    expect(() => readKeras(json, swapped)).toThrow("its kernel must be a matrix, but is [4]");
    await expect(importNet({ name: "m.json", bytes: file("functional.json") })).rejects.toThrow(
      "its weights are needed too",
    );
  });
});

describe("layouts", () => {
  const sums = ndarray([6, 1], "f32", [1, 10, 100, 1000, 10_000, 100_000]);
  const row = [[1, 2, 3, 4, 5, 6]];
  const input = (...shape: number[]) => layer("InputLayer", "i", { batch_shape: [null, ...shape] });
  let layers = 0;
  const flatten = (data_format: string) => layer("Flatten", "f", { data_format });
  const permute = (...dims: number[]) => layer("Permute", `layer ${++layers}`, { dims });
  const reshape = (...target_shape: number[]) => layer("Reshape", `layer ${++layers}`, { target_shape });
  /** What the layers and a Dense of the sums give for the numbers 1 to 6. */
  async function given(layers: unknown[], dtype = "float32"): Promise<number | undefined> {
    const last = dense("d", 1, { use_bias: false, dtype });
    const model = { class_name: "Sequential", config: { layers: [...layers, last] } };
    const net = readKeras(model, new Map([["k", sums]]));
    return (await outputsOf(net.model, net.weights, row))[0];
  }

  // Each by hand: the values in Keras's order, each times its power of ten.
  it.each<[string, unknown[], number]>([
    ["a row", [input(6)], 654_321],
    ["channels last", [input(2, 3), flatten("channels_last")], 654_321],
    ["channels first: 1 4 2 5 3 6", [input(2, 3), flatten("channels_first")], 635_241],
    ["channels first of one axis", [input(6), flatten("channels_first")], 654_321],
    ["channels first of three: 1 4 2 5 3 6", [input(2, 3, 1), flatten("channels_first")], 635_241],
    [
      "channels first of three: 1 3 5 2 4 6 of [2, 1, 3] is 1 4 2 5 3 6",
      [input(2, 1, 3), flatten("channels_first")],
      635_241,
    ],
    ["a transposition", [input(2, 3), permute(2, 1), flatten("channels_last")], 635_241],
    ["there and back", [input(2, 3), permute(2, 1), permute(2, 1), flatten("channels_last")], 654_321],
    // 1 4 2 / 5 3 6, and turned again.
    [
      "a transposition of another: 1 5 4 3 2 6",
      [input(2, 3), permute(2, 1), reshape(2, 3), permute(2, 1), flatten("channels_last")],
      623_451,
    ],
    ["other rows: 1 3 5 2 4 6", [input(6), reshape(3, -1), flatten("channels_first")], 642_531],
    ["axes of one", [input(6), reshape(1, 6, 1), permute(3, 2, 1), reshape(6)], 654_321],
  ])("%s", async (_, layers, wanted) => {
    expect(await given(layers)).toBe(wanted);
  });
});

describe("TensorFlow.js", () => {
  it("computes what the model computes, its weights in two files", async () => {
    const net = await importNet({ name: "tfjs.json", bytes: file("tfjs.json"), read }, { loss: "mse" });
    expect(types(net.model)).toBe(
      "linear tanh layerNorm dropout linear leakyRelu linear softplus relu linear elu linear softmax",
    );
    const { x, y } = table("expected-tfjs.json");
    expect(difference(await outputsOf(net.model, net.weights, x), y.flat())).toBeLessThan(1e-5);
  });

  it("reads weights that were quantized", () => {
    const weight = (name: string, quantization: Json, shape: number[]) => ({
      name,
      shape,
      dtype: "float32",
      quantization,
    });
    const json = tfjs(
      [dense("d", 2)],
      [
        weight("d/kernel", { dtype: "uint8", scale: 0.5, min: -1 }, [1, 2]),
        weight("d/bias", { dtype: "float16", original_dtype: "float32" }, [2]),
      ],
    );
    const { weights } = readTfjs(json, new Map([["w.bin", Uint8Array.of(0, 4, 0x00, 0x3c, 0x00, 0xc0)]]));
    expect(weights.get("0.weight")).toEqual(ndarray([1, 2], "f32", [-1, 1]));
    expect(weights.get("0.bias")).toEqual(ndarray([2], "f32", [1, -2]));
  });

  it.each<[string, unknown, Uint8Array | null, string]>([
    [
      "a file that is missing",
      [{ name: "d/kernel", shape: [1, 2], dtype: "float32" }],
      null,
      '"w.bin", which the model names, is missing',
    ],
    [
      "a file that is too short",
      [{ name: "d/kernel", shape: [1, 2], dtype: "float32" }],
      new Uint8Array(7),
      '"w.bin": 7 bytes, but the weights in them take 8',
    ],
    [
      "a weight that is missing",
      [{ name: "d/kernel", shape: [1, 2], dtype: "float32" }],
      new Uint8Array(8),
      'the weight "d/bias" is missing',
    ],
    [
      "a weight named twice",
      [1, 2].map(() => ({ name: "d/kernel", shape: [1, 2], dtype: "float32" })),
      new Uint8Array(16),
      'the weight "d/kernel" twice',
    ],
    [
      "a shape beyond all files",
      [{ name: "d/kernel", shape: [2 ** 40, 2 ** 40], dtype: "float32" }],
      new Uint8Array(8),
      "8 bytes, but the weights in them take",
    ],
    [
      "a shape that is none",
      [{ name: "d/kernel", shape: [1.5], dtype: "float32" }],
      new Uint8Array(8),
      "its shape must be whole numbers",
    ],
    [
      "integers",
      [{ name: "d/kernel", shape: [1, 2], dtype: "int32" }],
      new Uint8Array(8),
      'the dtype "int32"; only float32',
    ],
    [
      "another quantization",
      [{ name: "d/kernel", shape: [1, 2], dtype: "float32", quantization: { dtype: "int4" } }],
      new Uint8Array(8),
      'quantized to "int4"',
    ],
  ])("is refused: %s", (_, weights, bytes, message) => {
    const files = new Map(bytes ? [["w.bin", bytes] as const] : []);
    expect(() => readTfjs(tfjs([dense("d", 2)], weights), files)).toThrow(message);
  });

  it.each(["/etc/passwd", "../w.bin", "a/../../w.bin", "C:\\w.bin", "a//b", "file:w"])(
    "reads no file elsewhere: %s",
    async (path) => {
      const json = { ...tfjs([dense("d", 2)], []), weightsManifest: [{ paths: [path], weights: [] }] };
      const asked: string[] = [];
      const bytes = new TextEncoder().encode(JSON.stringify(json));
      const log = async (name: string) => {
        asked.push(name);
        return new Uint8Array(0);
      };
      const net = importNet({ name: "model.json", bytes, read: log });
      await expect(net).rejects.toThrow("only files beside the model are read");
      expect(asked).toEqual([]);
    },
  );
});
