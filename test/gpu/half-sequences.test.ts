import { afterAll, beforeAll, expect, test } from "vitest";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { checkGradients } from "../../src/check/gradients.ts";
import { type NdArray, ndarray } from "../../src/core/ndarray.ts";
import { initialise } from "../../src/nn/initialise.ts";
import { attention } from "../../src/nn/layers/attention.ts";
import { embedding } from "../../src/nn/layers/embedding.ts";
import { linear } from "../../src/nn/layers/linear.ts";
import { gru, lstm, rnn } from "../../src/nn/layers/recurrent.ts";
import { lastStep } from "../../src/nn/layers/steps.ts";
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

const T = 6;
const net = sequential(
  [embedding(5, 8), attention({ heads: 2, causal: true }), lstm(6), gru(6), rnn(6), lastStep(), linear(3)],
  { input: [T], loss: "crossEntropy" },
);

/** Rows of tokens, whose class is that of the last one. */
function rows(n: number): { x: NdArray; y: NdArray } {
  const token = (i: number): number => (i * i * 7 + i * 3 + (i >> 3)) % 5;
  const x = Int32Array.from({ length: n * T }, (_, i) => token(i));
  const y = Int32Array.from({ length: n }, (_, i) => x[i * T + T - 1]! % 3);
  return { x: ndarray([n, T], "i32", x), y: ndarray([n], "i32", y) };
}

test("what attention and recurrences multiply, forward and back, is halves; tables, states and sums stay f32", async () => {
  const { x, y } = rows(4);
  const halves = { scale: 1, steps };
  const g = await gradientGraph(net, initialise(net, 1), x, y, { seed: 1, maxBufferSize: 2 ** 28, halves });
  const nodes = fuse(g.graph).filter((node) => !node.op.view);
  const kinds = (name: string) => nodes.filter((n) => n.op.name === name).map((n) => n.inputs.map((t) => t.dtype));
  expect(kinds("halfAttention")).toEqual([["f16"]]);
  expect(kinds("halfAttentionGradient")).toEqual([["f16", "f16", "f32", "f32"]]);
  for (const name of ["halfLstm", "halfGru", "halfRnn"]) expect(kinds(name)).toEqual([["f16", "f16", "f32", "f32"]]);
  expect(kinds("halfLstmGradient")).toEqual([["f32", "f32", "f16"]]);
  expect(kinds("halfGruGradient")).toEqual([["f32", "f32", "f32", "f16"]]);
  expect(kinds("halfRnnGradient")).toEqual([["f32", "f32", "f16"]]);
  expect(nodes.map((n) => n.op.name).filter((name) => /^(attention|lstm|gru|rnn)/.test(name))).toEqual([]);
  expect(kinds("embedding")).toEqual([["i32", "f32"]]);
});

test("every gradient is inside the bound of halves, and is not that of f32", async () => {
  const report = await checkGradients({
    model: net,
    weights: initialise(net, 1),
    ...rows(4),
    backend: gpu,
    precision: "f16",
  });
  expect(report).toMatchObject({ pass: true, firstDivergent: null });
  const products = report.tensors.filter((t) => t.parameter && /weight/.test(t.name));
  expect(products.some((t) => t.device!.normRelative > 1e-5)).toBe(true);
});

test("training in f16 comes to the loss of f32", async () => {
  const ends: number[] = [];
  for (const precision of ["f32", "f16"] as const) {
    const options = {
      model: net,
      data: rows(40),
      batch: 10,
      optimizer: { type: "adam", lr: 0.02 },
      precision,
    } as const;
    const trainer = await createTrainer(gpu, options);
    const losses: number[] = [];
    for await (const m of trainer.run({ steps: 60 })) losses.push(m.loss);
    ends.push(losses.slice(-8).reduce((a, b) => a + b) / 8 / losses[0]!);
    trainer.dispose();
  }
  const [wide, half] = ends as [number, number];
  expect(wide).toBeLessThan(0.3);
  expect(Math.abs(half - wide)).toBeLessThan(0.05);
});
