import { describe, expect, test } from "vitest";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { checkGradients } from "../../src/check/gradients.ts";
import {
  attention,
  block,
  flatten,
  initialise,
  linear,
  type ModelSpec,
  parameterSpecs,
  parseModel,
  positionEmbedding,
  sequential,
  transformerBlock,
} from "../../src/index.ts";
import { readOnnx } from "../../src/io/onnx/read.ts";
import { writeOnnx } from "../../src/io/onnx/write.ts";
import { modelPy } from "../../src/io/pytorch/model-script.ts";
import { weightTensors } from "../../src/io/weights/weights.ts";
import { randomBatch } from "../../src/nn/random-batch.ts";
import { shapesOf } from "../../src/nn/shapes.ts";

const parse =
  (layer: object, input = [5, 8]) =>
  () =>
    parseModel({ input, layers: [layer], loss: "mse" });
const plain = { type: "attention", size: 8, heads: 2 };

describe("attention as a layer", () => {
  test("parameters are named and shaped as nn.MultiheadAttention's", () => {
    const shapes = (more: object) =>
      parameterSpecs(parse({ ...plain, ...more })()).map(({ name, shape }) => [name, ...shape]);
    expect(shapes({})).toEqual([
      ["0.in_proj_weight", 8, 24],
      ["0.in_proj_bias", 24],
      ["0.out_proj.weight", 8, 8],
      ["0.out_proj.bias", 8],
    ]);
    expect(shapes({ keyHeads: 1, bias: false })).toEqual([
      ["0.in_proj_weight", 8, 16],
      ["0.out_proj.weight", 8, 8],
    ]);
    const model = parse({ ...plain, keyHeads: 1 })();
    expect([...weightTensors(model, initialise(model, 1))].map(([name, { shape }]) => [name, ...shape])).toEqual([
      ["0.in_proj_weight", 16, 8],
      ["0.in_proj_bias", 16],
      ["0.out_proj.weight", 8, 8],
      ["0.out_proj.bias", 8],
    ]);
  });

  test.each(["he", "xavier"] as const)("weights begin as PyTorch's, whatever init is: %s", (init) => {
    const model = parse({ type: "attention", size: 48, heads: 4 }, [2, 48])();
    const weights = initialise(model, 3, init);
    const widest = (name: string) => Math.max(...weights.get(name)!.data.map(Math.abs));
    // xavier_uniform_ of [144, 48], and nn.Linear's own.
    for (const [name, limit] of [
      ["0.in_proj_weight", Math.sqrt(6 / 192)],
      ["0.out_proj.weight", 1 / Math.sqrt(48)],
    ] as const) {
      expect(widest(name)).toBeLessThanOrEqual(limit);
      expect(widest(name)).toBeGreaterThan(0.99 * limit);
    }
    for (const name of ["0.in_proj_bias", "0.out_proj.bias"]) expect(widest(name)).toBe(0);
  });

  test.each([
    [{ ...plain, heads: 3 }, /"heads" must divide "size", got 3 and 8/],
    [{ ...plain, heads: 4, keyHeads: 3 }, /"keyHeads" must divide "heads", got 3 and 4/],
    [{ ...plain, heads: 8, rotary: true }, /size \/ heads must be even, got 1/],
    [{ ...plain, mask: "causal" }, /"mask" must be "lengths", got "causal"/],
    [{ ...plain, dropout: 1 }, /"dropout" must be at least 0 and below 1/],
    [{ ...plain, size: 6 }, /takes steps of 6 values, \[t, 6\]/],
    [{ type: "positionEmbedding", length: 4, size: 8 }, /takes at most 4 steps of 8 values/],
    [{ type: "positionEmbedding", length: 9, size: 7 }, /takes at most 9 steps of 7 values/],
  ])("refused: %o", (layer, message) => {
    expect(parse(layer)).toThrow(message);
  });

  test("dropout is there in training, and the gradient is that of what was dropped", async () => {
    const checked = (dropout: number) => {
      const layers = [{ ...plain, dropout, causal: true }];
      const model = parseModel({ input: [5, 8], layers, loss: "mse" });
      const weights = initialise(model, 1);
      return checkGradients({ model, weights, ...randomBatch(model, 3, 1), backend: null, seed: 2 });
    };
    const dropped = await checked(0.4);
    expect(dropped.firstDivergent).toBeNull();
    expect(dropped.loss.exact).not.toBe((await checked(0)).loss.exact);
  });
});

test("a block of a transformer is plain data: what stands in GPT-2", () => {
  const model = sequential(
    [
      positionEmbedding({ length: 6, size: 8 }),
      block("h.0", transformerBlock({ size: 8, heads: 2, causal: true, dropout: 0.1 })),
      block(
        "h.1",
        transformerBlock({
          size: 8,
          heads: 4,
          keyHeads: 2,
          hidden: 20,
          norm: "rmsNorm",
          activation: "silu",
          bias: false,
          rotary: true,
        }),
      ),
      flatten(),
      linear(3),
    ],
    { input: [6, 8], loss: "crossEntropy" },
  );
  expect(model.layers.map((l) => l.type)).toEqual([
    ...["positionEmbedding", "layerNorm", "attention", "dropout", "add", "layerNorm", "linear", "gelu", "linear"],
    ...["dropout", "add", "rmsNorm", "attention", "add", "rmsNorm", "linear", "silu", "linear", "add", "flatten"],
    "linear",
  ]);
  expect(model.layers[2]).toMatchObject({ name: "h.0.1", size: 8, heads: 2, keyHeads: 2, causal: true, dropout: 0.1 });
  expect(model.layers[6]).toMatchObject({ in: 8, out: 32 });
  expect(parseModel(JSON.parse(JSON.stringify(model)))).toEqual(model);
  expect(() => transformerBlock({ size: 8, heads: 2, activation: "relu6" as "relu" })).toThrow(
    /"activation" must be one of gelu/,
  );
  expect(() => transformerBlock({ size: 8, heads: 2, norm: "batchNorm" as "rmsNorm" })).toThrow(
    /"norm" must be one of/,
  );
});

/** Every form of attention, and positions of fewer steps than there may be. */
const net: ModelSpec = sequential(
  [
    positionEmbedding({ length: 9, size: 8 }),
    attention({ heads: 2, causal: true }),
    attention({ heads: 4, keyHeads: 2, rotary: true, causal: true }),
    attention({ heads: 1, bias: false }),
    flatten(),
    linear(3),
  ],
  { input: [6, 8], loss: "crossEntropy" },
);

test("the proof of a whole net: every value and gradient on the CPU inside its bound, in f64 what differences say", async () => {
  const backend = await wasmBackend();
  const weights = initialise(net, 1);
  const report = await checkGradients({ model: net, weights, ...randomBatch(net, 2, 1), backend });
  backend.dispose();
  expect(report.firstDivergent).toBeNull();
  expect(report.pass).toBe(true);
  expect(report.tensors.filter((t) => t.parameter && t.device && t.finite).length).toBe(parameterSpecs(net).length);
});

test("in PyTorch: nn.MultiheadAttention where it can be, and each class once", () => {
  const text = modelPy(net);
  expect(text).toContain("SelfAttention(8, 2, causal=True, bias=True)");
  expect(text).toContain("GroupedAttention(8, 4, 2, causal=True, bias=True, dropout=0, base=10000)");
  expect(text.match(/class SelfAttention\(nn\.MultiheadAttention\)/g)).toHaveLength(1);
  expect(text).toContain("import torch\nimport torch.nn.functional as F\n");
});

test("ONNX gives the same net back", () => {
  const weights = initialise(net, 1);
  const read = readOnnx(writeOnnx(net, weights));
  expect(read.model).toEqual(net);
  for (const [name, { data }] of weights) expect(read.weights.get(name)!.data, name).toEqual(data);
  expect(shapesOf(read.model).shapes.at(-1)).toEqual([3]);
});
