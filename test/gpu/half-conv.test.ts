import { afterAll, beforeAll, expect, test } from "vitest";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { checkGradients } from "../../src/check/gradients.ts";
import { type NdArray, ndarray } from "../../src/core/ndarray.ts";
import { normals, STREAM } from "../../src/core/philox.ts";
import { initialise } from "../../src/nn/initialise.ts";
import { relu } from "../../src/nn/layers/activation.ts";
import { batchNorm } from "../../src/nn/layers/batch-norm.ts";
import { conv2d } from "../../src/nn/layers/conv.ts";
import { convTranspose2d } from "../../src/nn/layers/conv-transpose.ts";
import { linear } from "../../src/nn/layers/linear.ts";
import { maxPool2d } from "../../src/nn/layers/pool.ts";
import { flatten } from "../../src/nn/layers/reshape.ts";
import { sequential } from "../../src/nn/sequential.ts";
import { fuse } from "../../src/ops/fuse.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import * as steps from "../../src/train/f16/half-steps.ts";
import { gradientGraph } from "../../src/train/run/gradient-graph.ts";
import { openGpu } from "../shared/gpu.ts";

let gpu: WebGpuBackend;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.dispose());

const net = sequential(
  [
    conv2d(8, 3, { padding: 1 }),
    relu(),
    conv2d(8, 3, { padding: 1, stride: 2, bias: false }),
    batchNorm(),
    relu(),
    convTranspose2d(4, 2, { stride: 2 }),
    relu(),
    maxPool2d(2),
    flatten(),
    linear(3),
  ],
  { input: [2, 8, 8], loss: "crossEntropy" },
);

/** Images of three classes: each has a square of ones in a place of its own, in noise. */
function images(n: number): { x: NdArray; y: NdArray } {
  const values = Float32Array.from(normals(4, STREAM.check, 0, n * 128), (v) => 0.3 * v);
  const y = Int32Array.from({ length: n }, (_, i) => i % 3);
  for (let i = 0; i < n; i++)
    for (let p = 0; p < 9; p++) values[i * 128 + (2 * y[i]! + Math.floor(p / 3)) * 8 + 2 + (p % 3)]! += 1;
  return { x: ndarray([n, 128], "f32", values), y: ndarray([n], "i32", y) };
}

test("all that convolutions read, forward and back, is halves; norms, pools and sums stay f32", async () => {
  const { x, y } = images(6);
  const halves = { scale: 1, steps };
  const g = await gradientGraph(net, initialise(net, 1), x, y, { seed: 1, maxBufferSize: 2 ** 28, halves });
  const nodes = fuse(g.graph).filter((node) => !node.op.view);
  const kinds = (name: string) =>
    nodes.filter((n) => n.op.name === name).map((n) => [...n.inputs, ...n.outputs].map((t) => t.dtype).join(" "));
  expect(kinds("halfConvLayer")).toEqual(["f16 f16 f32 f32"]);
  expect(kinds("halfConv")).toEqual(["f16 f16 f32"]);
  expect(kinds("halfConvTransposeLayer")).toEqual(["f16 f16 f32 f32"]);
  expect(kinds("halfConvTransposeLayerInputGradient")).toEqual(["f16 f16 f16 f32"]);
  expect(kinds("halfConvLayerWeightGradient")).toEqual(["f16 f16 f32 f32"]);
  expect(nodes.map((n) => n.op.name).filter((name) => /^conv/.test(name))).toEqual([]);
  expect(kinds("batchNorm")).toHaveLength(1);
});

test("every gradient is inside the bound of halves, and is not that of f32", async () => {
  const report = await checkGradients({
    model: net,
    weights: initialise(net, 1),
    ...images(6),
    backend: gpu,
    precision: "f16",
  });
  expect(report).toMatchObject({ pass: true, firstDivergent: null });
  const kernels = report.tensors.filter((t) => t.parameter && t.name.endsWith("weight"));
  expect(kernels.some((t) => t.device!.normRelative > 1e-5)).toBe(true);
});

test("training in f16 comes to the loss of f32", async () => {
  const ends: number[] = [];
  for (const precision of ["f32", "f16"] as const) {
    const options = {
      model: net,
      data: images(48),
      batch: 12,
      optimizer: { type: "adam", lr: 0.01 },
      precision,
    } as const;
    const trainer = await createTrainer(gpu, options);
    const losses: number[] = [];
    for await (const m of trainer.run({ steps: 40 })) losses.push(m.loss);
    ends.push(losses.slice(-8).reduce((a, b) => a + b) / 8 / losses[0]!);
    trainer.dispose();
  }
  const [wide, half] = ends as [number, number];
  expect(wide).toBeLessThan(0.2);
  expect(Math.abs(half - wide)).toBeLessThan(0.02);
});
