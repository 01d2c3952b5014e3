import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { loadData, loadModel } from "../../src/cli/sources.ts";
import { type NdArray, ndarray } from "../../src/core/ndarray.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import type { TrainerOptions } from "../../src/train/run/options.ts";
import type { StepMetrics, Trainer } from "../../src/train/trainer.ts";
import { openGpu } from "../shared/gpu.ts";
import { mixedNet, ring, smallNet } from "../shared/problems.ts";

let gpu: Backend;
let wasm: Backend;
beforeAll(async () => {
  gpu = await openGpu();
  wasm = await wasmBackend({ threads: 1 });
});
afterAll(() => {
  gpu.dispose();
  wasm.dispose();
});

async function steps(trainer: Trainer, count: number): Promise<StepMetrics[]> {
  const out: StepMetrics[] = [];
  for await (const m of trainer.run({ steps: count })) out.push(m);
  return out;
}

test("digits: f16 is as accurate as f32, within a point and a half on rows that it has not seen", async () => {
  const { model, preset } = loadModel("digits");
  const { train, test: held } = await loadData({ source: "digits", seed: 1 }, model);
  const options = {
    model,
    data: train,
    test: held,
    batch: 32,
    seed: 1,
    optimizer: preset!.optimizer,
  } as TrainerOptions;
  const accuracies: number[] = [];
  for (const [backend, precision] of [
    [wasm, "f32"],
    [gpu, "f16"],
  ] as const) {
    const trainer = await createTrainer(backend, { ...options, precision });
    const metrics = await steps(trainer, 400);
    expect(metrics.filter((m) => m.skipped)).toEqual([]);
    accuracies.push((await trainer.evaluate("test"))!.accuracy!);
    trainer.dispose();
  }
  const [wide, half] = accuracies as [number, number];
  expect(wide).toBeGreaterThan(0.94);
  expect(Math.abs(half - wide)).toBeLessThan(0.015);
});

describe.each([
  ["WebGPU", () => gpu],
  ["WebAssembly", () => wasm],
  ["reference", () => referenceBackend("f32")],
] as const)("the scale of the loss on %s", (_name, backend) => {
  /** Errors of some 900: their gradients, 65,536 times as large, are no halves. */
  const steep = {
    model: parseModel({ layers: [{ type: "linear", in: 2, out: 2 }], loss: "sumSquaredError" }),
    data: { x: ndarray([4, 2], "f32", [1, 0, 0, 1, 1, 1, -1, 1]), y: filled([4, 2], 900) },
    batch: "full",
    optimizer: { type: "adam", lr: 0.1 },
    precision: "f16",
  } as const;

  test("halves at each step whose gradients are not finite, which leaves no trace, until they are", async () => {
    const trainer = await createTrainer(backend(), steep);
    const before = await trainer.parameters();
    const metrics = await steps(trainer, 20);
    const skipped = metrics.filter((m) => m.skipped);
    // Gradients of 1,800, and 65,536 is the largest half and a little: 2^5 is the first that will do.
    expect(skipped.map((m) => m.lossScale)).toEqual(Array.from({ length: 11 }, (_, i) => 2 ** (15 - i)));
    expect(metrics.slice(0, 11)).toEqual(skipped);
    expect(metrics.slice(11).every((m) => m.lossScale === 2 ** 5 && Number.isFinite(m.gradientNorm))).toBe(true);
    const wide = await createTrainer(backend(), { ...steep, precision: "f32" });
    const same = await steps(wide, 9);
    // The norm is that of the gradient itself, not of what it was scaled to; and the steps are those of f32.
    metrics.slice(11).forEach((m, i) => {
      expect(Math.abs(m.gradientNorm / same[i]!.gradientNorm - 1)).toBeLessThan(2e-3);
      expect(Math.abs(m.loss / same[i]!.loss - 1)).toBeLessThan(2e-3);
    });
    expect(before.get("0.weight")).not.toEqual((await trainer.parameters()).get("0.weight"));
    trainer.dispose();
    wide.dispose();
  });

  test("a scale that was chosen stays, and what is not finite then stops the run", async () => {
    const rows = [1, 0, 0, 1, 3e4, 3e4, 1, 1];
    const trainer = await createTrainer(backend(), {
      ...steep,
      data: { x: ndarray([4, 2], "f32", rows), y: filled([4, 2], 0) },
      weights: new Map([
        ["0.weight", filled([2, 2], 0.1)],
        ["0.bias", filled([2], 0)],
      ]),
      batch: 1,
      seed: 2,
      lossScale: 2 ** 4,
    });
    await expect(steps(trainer, 8)).rejects.toThrow(/step \d: a gradient is not finite/);
    trainer.dispose();
  });
});

test("the scale doubles after 2,000 good steps in a row, and stops at 2^24", async () => {
  const options = { model: smallNet, data: ring(4), batch: 2, optimizer: { type: "sgd", lr: 1e-3 } } as const;
  const trainer = await createTrainer(referenceBackend("f32"), { ...options, precision: "f16" });
  const state = await trainer.state();
  const at = (scale: number, good: number): NdArray => {
    const control = { ...state.control, data: state.control.data.slice() };
    control.data.set([scale, good], 6);
    return control;
  };
  const metrics = await steps(trainer, 2001);
  expect(metrics.map((m) => m.lossScale).slice(1998)).toEqual([2 ** 16, 2 ** 17, 2 ** 17]);
  trainer.dispose();
  // Gradients of a millionth, which are halves all the same at that scale.
  const layers = [{ type: "linear", in: 2, out: 1, bias: false }];
  const faint = { model: parseModel({ layers, loss: "mse" }), data: { x: ring(4).x, y: filled([4, 1], 1e-6) } };
  const weights = new Map([["0.weight", filled([2, 1], 0)]]);
  const slow = await createTrainer(referenceBackend("f32"), { ...options, ...faint, weights, precision: "f16" });
  slow.restore({ ...(await slow.state()), control: at(2 ** 23, 1999) });
  expect((await steps(slow, 1)).map((m) => m.lossScale)).toEqual([2 ** 24]);
  slow.restore({ ...(await slow.state()), control: at(2 ** 24, 1999) });
  expect((await steps(slow, 2)).map((m) => m.lossScale)).toEqual([2 ** 24, 2 ** 24]);
  slow.dispose();
});

test("a restored state goes on bit for bit, the scale and its count with it; one of the other precision is refused", async () => {
  const options = { model: mixedNet, data: ring(203), batch: 17, clip: 1, seed: 5, precision: "f16" } as const;
  const whole = await createTrainer(gpu, options);
  const first = await steps(whole, 12);
  const state = await whole.state();
  expect([...state.control.data.slice(6)]).toEqual([2 ** 16, 12]);
  const rest = await steps(whole, 15);
  const other = await createTrainer(gpu, options);
  other.restore(state);
  expect(await steps(other, 15)).toEqual(rest);
  expect(await other.state()).toEqual(await whole.state());
  other.reset();
  expect(await steps(other, 12)).toEqual(first);
  const wide = await createTrainer(wasm, { ...options, precision: "f32" });
  expect(() => wide.restore(state)).toThrow("the state is of a run in f16, this run is in f32");
  expect((await steps(wide, 3)).map((m) => m.lossScale)).toEqual([1, 1, 1]);
  for (const t of [whole, other, wide]) t.dispose();
});

test("what cannot be meant is refused", async () => {
  const begin = (given: object) => createTrainer(wasm, { model: smallNet, data: ring(8), ...given } as TrainerOptions);
  await expect(begin({ precision: "f8" })).rejects.toThrow("precision must be f32 or f16, got f8");
  await expect(begin({ lossScale: 8 })).rejects.toThrow("a loss scale is for precision f16");
  for (const lossScale of [0, -2, 3, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 101, "dynamical"]) {
    await expect(begin({ precision: "f16", lossScale })).rejects.toThrow(
      /the loss scale must be "dynamic" or a power of two/,
    );
  }
});

function filled(shape: readonly number[], value: number): NdArray {
  return ndarray(shape, "f32", new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value));
}
