import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { referenceBackend } from "../../../src/backend/reference/executor.ts";
import { ndarray } from "../../../src/core/ndarray.ts";
import { normals } from "../../../src/core/philox.ts";
import { readOnnx } from "../../../src/io/onnx/read.ts";
import { createTrainer } from "../../../src/train/create-trainer.ts";
import { difference, outputsOf } from "../../shared/outputs.ts";

/** Nets of any shape and wiring as others write them, and what ONNX Runtime computes from them. */
const at = (name: string): URL => new URL(`../../fixtures/onnx/nets/${name}`, import.meta.url);
const json = (name: string) => JSON.parse(readFileSync(at(name), "utf8"));
const inputs = { ...json("inputs.json"), ...json("made.json") } as Record<string, { shape: number[]; x: number[] }>;
const expected = json("expected.json") as Record<string, { dims: number[]; y: number[] }>;

describe("nets of any shape and wiring that others wrote in ONNX", () => {
  test.each(Object.keys(inputs))("%s.onnx gives the outputs of ONNX Runtime", async (name) => {
    const { model, weights } = readOnnx(new Uint8Array(readFileSync(at(`${name}.onnx`))), {
      loss: "mse",
      keepOutputs: true,
    });
    const { shape, x } = inputs[name]!;
    const { y } = expected[name]!;
    const size = shape.reduce((a, b) => a * b, 1);
    const rows = Array.from({ length: x.length / size }, (_, i) => x.slice(i * size, (i + 1) * size));
    expect(difference(await outputsOf(model, weights, rows), y)).toBeLessThan(1e-5);
  });

  const layersOf = (name: string): string =>
    readOnnx(new Uint8Array(readFileSync(at(`${name}.onnx`))), { loss: "mse", keepOutputs: true })
      .model.layers.map(({ type, from }) => (from === undefined ? type : `${type}(${from})`))
      .join(" ");

  // What PyTorch folds into a convolution is gone; axes that move there and back are not moved at all.
  test.each([
    [
      "resnet",
      "conv2d relu conv2d relu conv2d add(1,4) relu conv2d conv2d(6) add(7,8) adaptiveAvgPool2d flatten linear",
    ],
    ["relu-norm", "conv2d relu batchNorm flatten linear"],
    ["mobilenet-11", layersOf("mobilenet-14")],
    ["group-norm-11", "conv2d groupNorm relu conv2d instanceNorm mish conv2d instanceNorm gelu flatten linear"],
    ["tf-front", "permute pad conv2d relu conv2d relu6 adaptiveAvgPool2d flatten linear softmax"],
    ["excite", "adaptiveAvgPool2d conv2d sigmoid upsample multiply(input,3) maxPool2d conv2d(4) upsample(5) add(6,7)"],
    ["hard-sigmoid", "conv2d hardSigmoid flatten linear hardSigmoid"],
    ["hard-tanh", "linear relu6 linear elu linear relu linear relu linear relu6 linear"],
    ["scaled-input", "conv2d conv2d relu conv2d adaptiveAvgPool2d flatten linear"],
  ])("%s.onnx has become these layers", (name, layers) => {
    expect(layersOf(name)).toBe(layers);
  });

  test("a net goes on learning from where its file left it", async () => {
    const { model, weights } = readOnnx(new Uint8Array(readFileSync(at("relu-norm.onnx"))));
    const x = ndarray([16, 32], "f32", normals(1, 9, 0, 512));
    const y = ndarray(
      [16],
      "i32",
      Array.from({ length: 16 }, (_, i) => (x.data[32 * i]! > 0 ? 1 : 0)),
    );
    const optimizer = { type: "adam", lr: 0.05 } as const;
    const trainer = await createTrainer(referenceBackend("f32"), {
      model,
      weights,
      data: { x, y },
      batch: "full",
      optimizer,
    });
    const losses: number[] = [];
    for await (const { loss } of trainer.run({ steps: 20, logEvery: 1 })) losses.push(loss);
    expect(losses.at(-1)!).toBeLessThan(losses[0]! / 2);
    trainer.dispose();
  });

  test("a class for each place is for crossEntropy, whose softmax is left out", () => {
    const { model } = readOnnx(new Uint8Array(readFileSync(at("class-map.onnx"))));
    expect([model.loss, ...model.layers.map(({ type }) => type)]).toEqual(["crossEntropy", "conv2d"]);
  });

  test("batch norm keeps its statistics, and what it takes of a batch", () => {
    const { model, weights } = readOnnx(new Uint8Array(readFileSync(at("relu-norm.onnx"))));
    expect(model.layers[2]).toEqual({ type: "batchNorm", size: 3, eps: 1e-3, momentum: 0.25, affine: true });
    expect([...weights.keys()].slice(2, 7)).toEqual(
      ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"].map((key) => `2.${key}`),
    );
  });
});
