import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ndarray } from "../../../src/core/ndarray.ts";
import { readModel } from "../../../src/io/onnx/graph.ts";
import { readOnnx } from "../../../src/io/onnx/read.ts";
import { writeOnnx } from "../../../src/io/onnx/write.ts";
import { initialise } from "../../../src/nn/initialise.ts";
import type { ModelSpec } from "../../../src/nn/model-spec.ts";
import { parseModel } from "../../../src/nn/parse-model.ts";
import { everyLayer } from "../../shared/every-layer.ts";
import { difference, outputsOf } from "../../shared/outputs.ts";
import { onnxFile, type TestNode } from "./onnx-file.ts";

const folder = new URL("../../fixtures/onnx/", import.meta.url);
const file = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(`${name}.onnx`, folder)));
const expected = JSON.parse(readFileSync(new URL("expected.json", folder), "utf8")) as Record<
  string,
  { x: number[][]; y: number[][] }
>;
const types = (model: ModelSpec): string => model.layers.map((l) => l.type).join(" ");

describe("writeOnnx", () => {
  it("writes the same bytes for the same net, on every machine", () => {
    const weights = initialise(everyLayer, 3, "uniform01");
    const hash = createHash("sha256").update(writeOnnx(everyLayer, weights)).digest("hex");
    expect(hash).toBe("2d7166e88a16399d8c6ddbe01dfbfb3326b2cd18cb7b757857e8ef6e416ff053");
  });

  it("is read back as the same model, dropout and loss included, and the same weights", () => {
    const weights = initialise(everyLayer, 3);
    const back = readOnnx(writeOnnx(everyLayer, weights));
    expect(back).toEqual({ model: everyLayer, weights, notes: [] });
  });

  it("needs none of its own metadata for that, but for the loss and dropout", () => {
    const weights = initialise(everyLayer, 3);
    const bytes = writeOnnx(everyLayer, weights);
    // One letter of the key, so that it is another's metadata.
    const at = Buffer.from(bytes).lastIndexOf("chainrule.model");
    const back = readOnnx(bytes.with(at, 0x78), { loss: "mse" });
    const without = everyLayer.layers.filter((l) => l.type !== "dropout");
    expect(back.model).toEqual({ layers: without, loss: "mse" });
    expect([...back.weights.values()]).toEqual([...weights.values()]);
  });

  it("has a graph of the declared ops, with weights under PyTorch's names", () => {
    const { opset, nodes, initializers, inputs, outputs } = readModel(writeOnnx(everyLayer, initialise(everyLayer, 1)));
    expect(opset).toBe(17);
    expect(nodes[0]).toMatchObject({ op: "Gemm", name: "0.linear", inputs: ["input", "0.weight", "0.bias"] });
    expect(initializers.get("0.weight")!.dims).toEqual([7, 5]);
    expect(inputs).toEqual([{ name: "input", elementType: 1, dims: [null, 5] }]);
    expect(outputs).toEqual([{ name: "output", elementType: 1, dims: [null, 3] }]);
    expect(nodes.at(-1)!.outputs).toEqual(["output"]);
  });
});

describe("readOnnx", () => {
  it.each<[string, string, Parameters<typeof readOnnx>[1]]>([
    ["torch-17", "linear layerNorm gelu linear silu linear softplus leakyRelu elu linear softmax", { loss: "mse" }],
    ["torch-11", "linear tanh linear sigmoid gelu linear", {}],
    ["torch-13", "linear layerNorm gelu linear layerNorm silu linear", {}],
    ["torch-training", "linear dropout linear", { loss: "mse" }],
    ["types", "linear linear linear", {}],
    ["formulas", "linear gelu silu", { loss: "mse" }],
  ])("computes what %s.onnx computes", async (name, layers, options) => {
    const { model, weights } = readOnnx(file(name), options);
    expect(types(model)).toBe(layers);
    const { x, y } = expected[name]!;
    expect(difference(await outputsOf(model, weights, x), y.flat())).toBeLessThan(1e-5);
  });

  it("keeps what the file says of a layer", () => {
    const { layers } = readOnnx(file("torch-17"), { loss: "mse" }).model;
    expect(layers).toContainEqual({ type: "layerNorm", size: 8, eps: 1e-3 });
    expect(layers).toContainEqual({ type: "leakyRelu", slope: 0.2 });
    expect(layers).toContainEqual({ type: "elu", alpha: 0.5 });
    expect(layers).toContainEqual({ type: "linear", in: 8, out: 6, bias: false });
    expect(readOnnx(file("torch-13")).model.layers[4]).toEqual({ type: "layerNorm", size: 5, eps: 0.01 });
    expect(readOnnx(file("torch-training")).model.layers[1]).toEqual({ type: "dropout", p: 0.25 });
  });

  it("leaves out what the loss applies itself, and says so", async () => {
    const logits = readOnnx(file("torch-9"));
    expect(types(logits.model)).toBe("linear relu linear");
    expect(logits.notes.join()).toMatch(/logSoftmax at the end is left out.*logits/);
    const { x, y } = expected["torch-9"]!;
    const z = await outputsOf(logits.model, logits.weights, x);
    const logSoftmax = x.flatMap((_, i) => {
      const row = z.slice(2 * i, 2 * i + 2);
      const sum = Math.log(row.reduce((all, v) => all + Math.exp(v), 0));
      return row.map((v) => v - sum);
    });
    expect(difference(logSoftmax, y.flat())).toBeLessThan(1e-5);
    const kept = readOnnx(file("torch-9"), { loss: "mse" });
    expect(kept.model.layers.at(-1)).toEqual({ type: "logSoftmax" });

    expect(types(readOnnx(file("torch-17")).model)).not.toContain("softmax");
    expect(types(readOnnx(file("torch-17"), { keepOutputs: true }).model)).toMatch(/softmax$/);
  });

  it("takes the graph where it is no longer what our metadata says", () => {
    const model = parseModel({
      layers: [{ type: "linear", in: 2, out: 2, bias: false }, { type: "tanh" }],
      loss: "huber",
    });
    const nodes: TestNode[] = [
      { op: "MatMul", inputs: ["x", "w"], outputs: ["h"] },
      { op: "Relu", inputs: ["h"], outputs: ["y"] },
    ];
    const bytes = onnxFile({
      nodes,
      tensors: [{ name: "w", dims: [2, 2] }],
      metadata: { "chainrule.model": JSON.stringify(model) },
    });
    const { model: read, notes } = readOnnx(bytes);
    expect(types(read)).toBe("linear relu");
    expect(read.loss).toBe("huber");
    expect(notes.join()).toContain("the graph is taken");
    for (const text of ["{", '{"layers":[]}', "[".repeat(1000), "1"]) {
      const other = onnxFile({ nodes, tensors: [{ name: "w", dims: [2, 2] }], metadata: { "chainrule.model": text } });
      expect(readOnnx(other).model.loss).toBe("crossEntropy");
    }
  });

  it.each<[string, readonly TestNode[], string, RegExp]>([
    // A chain, and a net with a branch, each of which finds the end in its own way.
    ["Sigmoid", [], "mse", /ends in 3 outputs of sigmoid in another scale, so a regression is taken/],
    ["Softmax", [], "mse", /ends in 3 outputs of softmax in another scale/],
    ["Sigmoid", [{ op: "Add", inputs: ["m", "h"], outputs: ["m2"] }], "mse", /3 outputs of sigmoid in another scale/],
    ["Identity", [], "crossEntropy", /3 linear outputs, which are taken for the logits/],
  ])("outputs of %s in another scale are values and no logits", (op, join, loss, note) => {
    const { model, notes } = readOnnx(
      onnxFile({
        nodes: [
          { op: "MatMul", inputs: ["x", "w"], outputs: ["h"] },
          ...(join.length > 0 ? [{ op: "Relu", inputs: ["h"], outputs: ["m"] }, ...join] : []),
          { op, inputs: [join.length > 0 ? "m2" : "h"], outputs: ["s"] },
          { op: "Mul", inputs: ["s", "ten"], outputs: ["y"] },
        ],
        tensors: [
          { name: "w", dims: [2, 3], floats: [1, 2, 3, 4, 5, 6] },
          { name: "ten", dims: [], floats: [10] },
        ],
      }),
    );
    expect(model.loss).toBe(loss);
    expect(notes.join()).toMatch(note);
  });

  it.each<[string, readonly number[], readonly number[], Record<string, number>, readonly number[]]>([
    ["by one scale", [0.5], [2], {}, [-0.5, 0, 0.5, 1, 1.5, -65]],
    ["by a scale for each output, axis 1 unless told", [0.5, 1, 2], [2, 0, 1], {}, [-0.5, 2, 4, 1, 5, -258]],
    ["by a scale for each input", [0.5, 2], [0, 1], { axis: 0 }, [0.5, 1, 1.5, 6, 8, -258]],
  ])("weights of 8 bits become floats %s", (_, scale, zero, integers, wanted) => {
    const bytes = (values: readonly number[]): Uint8Array => Uint8Array.from(values, (v) => v & 255);
    const dims = scale.length === 1 ? [] : [scale.length];
    const { weights, model } = readOnnx(
      onnxFile({
        nodes: [
          { op: "DequantizeLinear", inputs: ["q", "s", "z"], outputs: ["w"], integers },
          { op: "MatMul", inputs: ["x", "w"], outputs: ["y"] },
        ],
        tensors: [
          { name: "q", dims: [2, 3], type: 3, raw: bytes([1, 2, 3, 4, 5, -128]) },
          { name: "s", dims, floats: scale },
          { name: "z", dims, type: 3, raw: bytes(zero) },
        ],
      }),
    );
    expect(types(model)).toBe("linear");
    expect([...weights.get("0.weight")!.data]).toEqual(wanted);
  });

  it("scales by alpha and beta, and lets one number stand for a whole bias", () => {
    const bytes = onnxFile({
      nodes: [{ op: "Gemm", inputs: ["x", "w", "b"], outputs: ["y"], floats: { alpha: 2, beta: 4 } }],
      tensors: [
        { name: "w", dims: [2, 3], floats: [1, 2, 3, 4, 5, 6] },
        { name: "b", dims: [], floats: [0.5] },
      ],
    });
    const { weights } = readOnnx(bytes);
    expect(weights.get("0.weight")).toEqual(ndarray([2, 3], "f32", [2, 4, 6, 8, 10, 12]));
    expect(weights.get("0.bias")).toEqual(ndarray([3], "f32", [2, 2, 2]));
  });
});
