import { afterAll, beforeAll, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import { findLearningRate } from "../../src/train/find-learning-rate.ts";
import { asDispatches, openGpu } from "../shared/gpu.ts";
import { ring, smallNet } from "../shared/problems.ts";

let wasm: Backend;
beforeAll(async () => {
  wasm = await wasmBackend({ threads: 1 });
});
afterAll(() => wasm.dispose());

const options = { model: smallNet, data: ring(200), batch: 20, optimizer: { type: "sgd", lr: 1 }, seed: 3 } as const;

test("the ramp is even in the logarithm, the curve is of losses that a run has, and the suggestion trains", async () => {
  const { points, suggestion, least } = await findLearningRate(wasm, options, { from: 1e-5, to: 100, steps: 141 });
  expect(points[0]).toMatchObject({ step: 1 });
  for (const p of points) {
    const wanted = 10 ** (-5 + (7 * (p.step - 1)) / 140);
    expect(Math.abs(p.learningRate - wanted) / wanted, `step ${p.step}`).toBeLessThan(1e-5);
  }
  const plain = await createTrainer(wasm, { ...options, optimizer: { type: "sgd", lr: 1e-5 } });
  for await (const m of plain.run({ steps: 1 })) expect(points[0]!.loss).toBe(m.loss);
  plain.dispose();
  expect(suggestion).toBeGreaterThan(1e-3);
  expect(suggestion).toBeLessThanOrEqual(least);
  const after = async (lr: number): Promise<number> => {
    const trainer = await createTrainer(wasm, { ...options, optimizer: { type: "sgd", lr } });
    for await (const m of trainer.run({ steps: 100, onNotFinite: "skip" })) void m;
    const { loss } = (await trainer.evaluate("train"))!;
    trainer.dispose();
    return loss;
  };
  const reached = await after(suggestion!);
  expect(reached).toBeLessThan(0.9 * (await after(suggestion! / 100)));
  // Not a number, where the weights overflowed, is worse too.
  expect((await after(suggestion! * 1000)) < reached).toBe(false);
});

test("it stops where the loss runs away, or is not finite", async () => {
  const { points, diverged } = await findLearningRate(wasm, options, { from: 0.01, to: 1e6, steps: 200 });
  expect(diverged).toBe(true);
  expect(points.length).toBeLessThan(200);
  const far = {
    ...options,
    data: { ...options.data, x: { ...options.data.x, data: options.data.x.data.map((v) => 1e4 * v) } },
  };
  expect(await findLearningRate(wasm, far as typeof options, { from: 1e-3, to: 1e30 })).toMatchObject({
    diverged: true,
  });
});

test("rates at which nothing is learned give no suggestion", async () => {
  const found = await findLearningRate(wasm, options, { from: 1e-9, to: 1e-7, steps: 60 });
  expect(found).toMatchObject({ suggestion: null, diverged: false });
  expect(found.points).toHaveLength(60);
});

test("on WebGPU the same ramp, and the same suggestion or one beside it", async () => {
  const gpu = await openGpu();
  const ramp = { from: 1e-4, to: 10, steps: 100 };
  const [a, b] = [
    await findLearningRate(asDispatches(gpu), options, ramp),
    await findLearningRate(wasm, options, ramp),
  ];
  gpu.dispose();
  for (const [i, p] of a.points.slice(0, 60).entries()) {
    expect(Math.abs(p.learningRate / b.points[i]!.learningRate - 1)).toBeLessThan(1e-5);
    expect(Math.abs(p.loss - b.points[i]!.loss)).toBeLessThan(1e-3);
  }
  expect(Math.abs(Math.log10(a.suggestion! / b.suggestion!))).toBeLessThan(0.2);
});

test.each([
  [{ from: 0 }, /from must be a positive number, got 0/],
  [{ from: 1, to: 0.5 }, /to must be above from \(1\), got 0.5/],
  [{ steps: 5 }, /steps must be a whole number from 10 up, got 5/],
  [{ smoothing: 1 }, /smoothing must be at least 0 and below 1/],
  [{ divergence: 1 }, /divergence must be above 1/],
])("%j is refused by name", async (given, message) => {
  await expect(findLearningRate(wasm, options, given)).rejects.toThrow(message);
});
