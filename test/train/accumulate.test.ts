import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { checkGradients } from "../../src/check/gradients.ts";
import { initialise } from "../../src/nn/initialise.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { fuse } from "../../src/ops/fuse.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import type { TrainerOptions } from "../../src/train/run/options.ts";
import { trainingGraph } from "../../src/train/run/training-graph.ts";
import { asDispatches, openGpu } from "../shared/gpu.ts";
import { mixedNet, ring, smallNet } from "../shared/problems.ts";

let gpu: WebGpuBackend;
let wasm: Backend;
beforeAll(async () => {
  gpu = await openGpu();
  wasm = await wasmBackend({ threads: 1 });
});
afterAll(() => {
  gpu.dispose();
  wasm.dispose();
});

const data = ring(50);

async function outcome(backend: Backend, options: Partial<TrainerOptions>, steps = 25) {
  const trainer = await createTrainer(backend, { model: smallNet, data, seed: 4, ...options });
  const losses: number[] = [];
  for await (const m of trainer.run({ steps })) losses.push(m.loss);
  const weights = [...(await trainer.parameters()).values()].flatMap((a) => [...a.data]);
  const { batchRows, stepsPerEpoch } = trainer;
  trainer.dispose();
  return { losses, weights, batchRows, stepsPerEpoch };
}

describe("a step of several batches is the step of one batch of all their rows", () => {
  const close = (a: readonly number[], b: readonly number[], limit: number) => {
    expect(a).toHaveLength(b.length);
    for (const [i, v] of a.entries()) expect(Math.abs(v - b[i]!), `value ${i}`).toBeLessThan(limit);
  };

  // 21 rows a step do not divide 50: steps straddle epochs, within a batch and between two.
  test.each([
    ["CPU f64", () => referenceBackend("f64"), 1e-9],
    ["WebGPU as dispatches", () => asDispatches(gpu), 5e-5],
    ["WebGPU", () => gpu, 5e-5],
    ["WebAssembly", () => wasm, 5e-5],
  ] as const)("%s", async (_name, backend, limit) => {
    const optimizer = { type: "sgd", lr: 0.1, momentum: 0.5 } as const;
    const parts = await outcome(backend(), { batch: 7, accumulate: 3, optimizer, clip: 0.5 });
    const whole = await outcome(backend(), { batch: 21, optimizer, clip: 0.5 });
    expect(parts).toMatchObject({ batchRows: 21, stepsPerEpoch: 3 });
    close(parts.losses, whole.losses, limit);
    close(parts.weights, whole.weights, limit);
  });

  test("a loss that is a sum stays one, and rows that stream are the same rows", async () => {
    const model = parseModel({ layers: [{ type: "linear", in: 2, out: 1 }], loss: "sumSquaredError" });
    const optimizer = { type: "sgd", lr: 0.001 } as const;
    const parts = await outcome(wasm, { model, batch: 4, accumulate: 5, optimizer });
    const whole = await outcome(wasm, { model, batch: 20, optimizer });
    close(parts.losses, whole.losses, 1e-3);
    close(parts.weights, whole.weights, 1e-5);
    const streamed = await outcome(wasm, { model, batch: 4, accumulate: 5, optimizer, maxDataBytes: 60 * 8 });
    expect(streamed.losses).toEqual(parts.losses);
  });

  test("every part has dropout masks of its own", async () => {
    // The same row in every place: without dropout all parts would be alike, and with one mask too.
    const same = {
      x: { ...data.x, data: data.x.data.map((_, i) => (i % 2 ? 0.3 : -0.7)) },
      y: { ...data.y, data: data.y.data.map(() => 1) },
    };
    const options = { model: mixedNet, data: same as typeof data, optimizer: { type: "sgd", lr: 1e-9 } } as const;
    const one = await outcome(wasm, { ...options, batch: 1 }, 4);
    const two = await outcome(wasm, { ...options, batch: 1, accumulate: 2 }, 2);
    // Parts count as steps, so two steps of two parts draw what four steps drew.
    const [a, b, c, d] = one.losses as [number, number, number, number];
    close(two.losses, [(a + b) / 2, (c + d) / 2], 1e-5);
    expect(Math.abs(a - b)).toBeGreaterThan(1e-4);
  });
});

test("what cannot be meant is refused by name", async () => {
  for (const [given, message] of [
    [{ accumulate: 0 }, /accumulate must be a whole number from 1 to 256, got 0/],
    [{ accumulate: 2.5 }, /accumulate must be a whole number/],
    [{ accumulate: 2, batch: "full" }, /accumulate needs a batch of so many rows/],
    [{ penalty: { l1: -1 } }, /penalty: l1 must be at least 0, got -1/],
    [{ penalty: { l2: Number.NaN } }, /penalty: l2 must be at least 0, got NaN/],
    [{ ema: { decay: 1 } }, /ema: decay must be at least 0 and below 1, got 1/],
  ] as const) {
    await expect(createTrainer(wasm, { model: smallNet, data, ...given })).rejects.toThrow(message);
  }
});

describe("penalties", () => {
  test("the check of gradients covers them; evaluation reports the rows' loss alone", async () => {
    const penalty = { l1: 0.01, l2: 0.02 };
    const report = await checkGradients({
      model: mixedNet,
      weights: initialise(mixedNet, 2),
      ...ring(20),
      backend: gpu,
      penalty,
    });
    expect(report).toMatchObject({ pass: true, firstDivergent: null });
    const plain = await checkGradients({
      model: mixedNet,
      weights: initialise(mixedNet, 2),
      ...ring(20),
      backend: null,
    });
    expect(report.loss.exact).toBeGreaterThan(plain.loss.exact + 0.1);
    const evaluate = async (options: Partial<TrainerOptions>) => {
      const trainer = await createTrainer(wasm, { model: smallNet, data, ...options });
      const found = await trainer.evaluate("train");
      trainer.dispose();
      return found;
    };
    expect(await evaluate({ penalty })).toEqual(await evaluate({}));
  });

  test("of nothing cost nothing: the same nodes as without", async () => {
    const nodes = async (more: object): Promise<string[]> => {
      const { graph } = await trainingGraph({
        ...{ model: smallNet, ...data, rows: 50, batch: 8, streams: false, clip: 0, seed: 1, maxBufferSize: 2 ** 28 },
        ...{ weights: initialise(smallNet, 1), optimizer: { type: "adam", lr: 0.01 }, schedule: { type: "constant" } },
        ...more,
      });
      return fuse(graph).map((node) => node.op.name);
    };
    const plain = await nodes({});
    expect(await nodes({ accumulate: 1, ema: null, penalty: null })).toEqual(plain);
    expect(await nodes({ ema: { decay: 0.9 } })).toHaveLength(plain.length + 1);
    // A value, a sum and a gradient for each of two weights.
    expect(await nodes({ penalty: { l2: 1 } })).toHaveLength(plain.length + 6);
  });
});
