import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readOnnx } from "../../../src/io/onnx/read.ts";
import { difference, outputsOf } from "../../shared/outputs.ts";
import { onnxFile, type TestFile, type TestNode } from "./onnx-file.ts";

/** Nets of sequences as PyTorch's exporters, old and new, write them, and ops that are a whole attention. */
const at = (name: string): URL => new URL(`../../fixtures/onnx/sequences/${name}`, import.meta.url);
type Computed = Record<string, { shape: number[]; x: number[]; y: number[] }>;
const json = (name: string) => JSON.parse(readFileSync(at(name), "utf8")) as Computed;
/** What ONNX Runtime makes of rotary embeddings that are one op: two that no layer here is, and all others. */
const { "rotary-23-later": later, "rotary-23-part": part, ...rotary } = json("rotary.json");
const expected = { ...json("expected.json"), ...rotary };
const read = (name: string) =>
  readOnnx(new Uint8Array(readFileSync(at(`${name}.onnx`))), { loss: "mse", keepOutputs: true });

test.each(Object.keys(expected))("%s.onnx gives the outputs that its exporter's library gives", async (name) => {
  const { model, weights } = read(name);
  const { shape, x, y } = expected[name]!;
  const size = shape.reduce((a, b) => a * b, 1);
  const rows = Array.from({ length: x.length / size }, (_, i) => x.slice(i * size, (i + 1) * size));
  expect(difference(await outputsOf(model, weights, rows), y)).toBeLessThan(1e-5);
});

test.each([
  ["mha-causal-13", "attention linear"],
  ["vit-23d", /^conv2d reshape permute reshape pad reshape positionEmbedding layerNorm attention add/],
  ["llama-17", /^embedding rmsNorm attention add rmsNorm linear silu linear multiply linear add rmsNorm linear$/],
  ["gpt-sdpa-23d", /^embedding positionEmbedding layerNorm attention add layerNorm linear gelu linear add/],
  ["encoder-mean-fixed-17", /add layerNorm meanSteps linear$/],
  ["lstm-stack-17", "lstm lstm linear"],
  ["text-cnn-17", /^embedding permute conv1d relu .*concat linear$/],
])("%s.onnx has become these layers", (name, layers) => {
  const types = read(name)
    .model.layers.map(({ type }) => type)
    .join(" ");
  expect(types).toMatch(typeof layers === "string" ? new RegExp(`^${layers}$`) : layers);
});

test("what an attention is, out of its ops", () => {
  const of = (name: string) => read(name).model.layers.find(({ type }) => type === "attention");
  expect(of("gpt-17")).toMatchObject({ size: 8, heads: 2, keyHeads: 2, causal: true, bias: true, rotary: false });
  expect(of("llama-18d")).toMatchObject({
    heads: 4,
    keyHeads: 2,
    causal: true,
    bias: false,
    rotary: true,
    base: 10000,
  });
  expect(of("attention-23-groups")).toMatchObject({ heads: 4, keyHeads: 2, causal: false });
});

/** One head of two values over three steps: x is queries, keys and values. */
const attention = (change: (nodes: TestNode[]) => readonly TestNode[], tensors: TestFile["tensors"] = []) =>
  onnxFile({
    inputs: [["x", 3, 2]],
    outputs: [["y", 3, 2]],
    nodes: change([
      { op: "Transpose", inputs: ["x"], outputs: ["k"], lists: { perm: [0, 2, 1] } },
      { op: "MatMul", inputs: ["x", "k"], outputs: ["s"] },
      { op: "Softmax", inputs: ["s"], outputs: ["p"], integers: { axis: -1 } },
      { op: "MatMul", inputs: ["p", "x"], outputs: ["y"] },
    ]),
    tensors: [{ name: "mask", dims: [3, 3] }, ...(tensors ?? [])],
  });
const options = { loss: "mse", keepOutputs: true } as const;

test("attention without projections has some that change nothing, and the scale in its queries", () => {
  const { model, weights } = readOnnx(
    attention((nodes) => nodes),
    options,
  );
  expect(model.layers).toMatchObject([{ type: "attention", size: 2, heads: 1, bias: false }]);
  const root = Math.fround(Math.SQRT2);
  expect([...weights.get("0.in_proj_weight")!.data]).toEqual([root, 0, 1, 0, 1, 0, 0, root, 0, 1, 0, 1]);
  expect([...weights.get("0.out_proj.weight")!.data]).toEqual([1, 0, 0, 1]);
});

const between = (node: TestNode): ((nodes: TestNode[]) => readonly TestNode[]) => {
  return ([k, s, p, y]) => [k!, s!, node, { ...p!, inputs: [node.outputs![0]!] }, y!];
};

test.each([
  ["rotary-23-later", later, /its positions must be a constant, 0 and on/],
  ["rotary-23-part", part, /turns a part of each head; here the whole of it/],
] as const)("%s.onnx is refused by name", (name, computed, message) => {
  expect(computed!.y.every(Number.isFinite)).toBe(true);
  expect(() => read(name)).toThrow(message);
});

describe("what no attention here computes is refused by name", () => {
  const mask = (...floats: number[]): TestFile["tensors"] => [{ name: "m", dims: [3, 3], floats }];
  const low = Number.NEGATIVE_INFINITY;
  test.each<readonly [string, Uint8Array, RegExp]>([
    [
      "a bias of scores",
      attention(between({ op: "Add", inputs: ["s", "m"], outputs: ["t"] }), mask(0, 1, 0, 0, 0, 0, 0, 0, 0)),
      /adds 1 to scores/,
    ],
    [
      "a mask off by one",
      attention(between({ op: "Add", inputs: ["s", "m"], outputs: ["t"] }), mask(0, 0, low, 0, 0, 0, 0, 0, 0)),
      /a mask that is not causal/,
    ],
    [
      "a mask the wrong way round",
      attention(between({ op: "Add", inputs: ["s", "m"], outputs: ["t"] }), mask(0, 0, 0, low, 0, 0, low, low, 0)),
      /a mask that is not causal/,
    ],
    ["no softmax", attention(([k, s, , y]) => [k!, s!, { ...y!, inputs: ["s", "x"] }]), /multiplied with each other/],
    [
      "a softmax over queries",
      attention(([k, s, p, y]) => [k!, s!, { ...p!, integers: { axis: 1 } }, y!]),
      /multiplied with each other/,
    ],
    [
      "values of another net",
      attention(([k, s, p, y]) => [
        k!,
        s!,
        p!,
        { op: "Relu", inputs: ["x"], outputs: ["v"] },
        { ...y!, inputs: ["p", "v"] },
      ]),
      /attention from one value to another/,
    ],
    [
      "weights that are used besides",
      attention(([k, s, p]) => [k!, s!, p!, { op: "Relu", inputs: ["p"], outputs: ["y"] }]),
      /works on the weights of an attention/,
    ],
    [
      "a softcap",
      attention(() => [
        {
          op: "Attention",
          inputs: ["x", "x", "x"],
          outputs: ["y"],
          integers: { q_num_heads: 1, kv_num_heads: 1 },
          floats: { softcap: 2 },
        },
      ]),
      /softcap/,
    ],
    [
      "keys of the past",
      attention(() => [
        {
          op: "Attention",
          inputs: ["x", "x", "x", "", "x"],
          outputs: ["y"],
          integers: { q_num_heads: 1, kv_num_heads: 1 },
        },
      ]),
      /past_key/,
    ],
    [
      "heads that do not divide",
      attention(() => [
        { op: "Attention", inputs: ["x", "x", "x"], outputs: ["y"], integers: { q_num_heads: 3, kv_num_heads: 3 } },
      ]),
      /2 values a step are not 3 heads/,
    ],
  ])("%s", (_, file, message) => {
    expect(() => readOnnx(file, options)).toThrow(message);
  });
});
