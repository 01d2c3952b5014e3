// What batch norm remembers, wherever a run keeps it or moves it, on the nets and data of one table: so longer than others.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { type WebGpuBackend, webgpuBackend } from "../../src/backend/webgpu/backend.ts";
import { type NdArray, ndarray, reshape } from "../../src/core/ndarray.ts";
import { batchNorm, conv2d, flatten, linear, relu, residual, sequential } from "../../src/index.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../../src/io/checkpoint/checkpoint.ts";
import { readWeights, weightsOf, writeWeights } from "../../src/io/weights/weights.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import type { TrainerOptions } from "../../src/train/run/options.ts";
import type { Trainer } from "../../src/train/trainer.ts";
import { sampleCheckpoint } from "../shared/checkpoint.ts";
import { asDispatches, openGpu } from "../shared/gpu.ts";
import { ring } from "../shared/problems.ts";
import { thorough } from "../shared/thorough.ts";
import { normError, type TorchArray, table, toArray } from "../shared/torch.ts";

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

interface Training {
  readonly name: string;
  readonly model: unknown;
  readonly weights: Readonly<Record<string, TorchArray>>;
  readonly x: TorchArray;
  readonly y: TorchArray;
  readonly optimizer: NonNullable<TrainerOptions["optimizer"]>;
  readonly losses: readonly number[];
  readonly final: Readonly<Record<string, TorchArray>>;
  readonly evaluated: TorchArray;
}

describe.each([
  ["CPU f64", () => referenceBackend("f64"), 1e-9],
  ["WebGPU", () => gpu, 1e-4],
  ["WebGPU as dispatches", () => asDispatches(gpu), 1e-4],
  ["WebAssembly", () => wasm, 1e-4],
] as const)("fifteen steps in PyTorch and on %s", (where, backend, limit) => {
  // What a GPU runs is compiled for each net: one half on the chip, the other as dispatches, unless all are asked for.
  const half = where === "WebGPU" ? 0 : 1;
  const some = (_: Training, i: number): boolean => thorough || !where.startsWith("WebGPU") || i % 2 === half;
  test.each(table<Training>("graph-training").filter(some))("$name", async (c) => {
    const model = parseModel(c.model);
    const read = (arrays: Readonly<Record<string, TorchArray>>): Map<string, NdArray> =>
      weightsOf(new Map(Object.entries(arrays).map(([name, a]) => [name, toArray(a)])), model, "f64");
    const x = toArray(c.x);
    const trainer = await createTrainer(backend(), {
      model,
      weights: read(c.weights),
      data: { x, y: toArray(c.y) },
      batch: "full",
      optimizer: c.optimizer,
    });
    for await (const { step, loss } of trainer.run({ steps: c.losses.length })) {
      const exact = c.losses[step - 1]!;
      expect(Math.abs(loss - exact) / exact, `loss of step ${step}`).toBeLessThan(limit);
    }
    const weights = await trainer.parameters();
    for (const [name, exact] of read(c.final)) {
      expect(normError(weights.get(name)!.data, exact.data), name).toBeLessThan(limit);
    }
    expect(normError((await trainer.predict(x)).data, c.evaluated.data), "in evaluation").toBeLessThan(
      Math.max(limit, 1e-6), // outputs come as f32
    );
    trainer.dispose();
  });
});

const model = sequential(
  [
    conv2d(4, 2, { bias: false }),
    batchNorm(),
    relu(),
    residual([conv2d(4, 1), batchNorm({ momentum: null })]),
    flatten(),
    linear(2),
  ],
  { input: [1, 2, 2], loss: "crossEntropy" },
);
/** Rows of a ring, two numbers each, as images of four places. */
function images(rows: number, seed = 1): { x: NdArray; y: NdArray } {
  const { x, y } = ring(rows, seed);
  const data = Float32Array.from({ length: rows * 4 }, (_, i) => x.data[(i >> 2) * 2 + (i & 1)]! * (i & 2 ? -0.5 : 1));
  return { x: ndarray([rows, 1, 2, 2], "f32", data), y };
}
const data = images(203);
const options = {
  model,
  data,
  test: images(60, 3),
  batch: 16,
  seed: 5,
  optimizer: { type: "adam", lr: 0.01 },
} as const;
const STATISTICS = ["running_mean", "running_var", "num_batches_tracked"].flatMap((key) => [`1.${key}`, `4.${key}`]);

async function steps(trainer: Trainer, n: number): Promise<number[]> {
  const out: number[] = [];
  for await (const { loss } of trainer.run({ steps: n })) out.push(loss);
  return out;
}

describe.each([
  ["WebGPU", () => gpu],
  ["WebGPU as dispatches", () => asDispatches(gpu)],
  ["WebAssembly", () => wasm],
] as const)("running statistics on %s", (_name, backend) => {
  test("are state: a run that goes on from it, by way of a file, is the same bit for bit", async () => {
    const whole = await createTrainer(backend(), options);
    await steps(whole, 23);
    const state = await whole.state();
    for (const name of STATISTICS) expect(state.parameters.has(name), name).toBe(true);
    expect(state.parameters.get("1.num_batches_tracked")!.data[0]).toBe(23);
    const rest = await steps(whole, 20);
    const other = await createTrainer(backend(), options);
    await steps(other, 3);
    const file = decodeCheckpoint(encodeCheckpoint({ ...sampleCheckpoint(), state }));
    other.restore(file.state);
    expect(await steps(other, 20)).toEqual(rest);
    expect(await other.state()).toEqual(await whole.state());
    expect(await other.evaluate("test")).toEqual(await whole.evaluate("test"));
    other.reset();
    expect((await other.parameters()).get("1.running_var")!.data).toEqual(new Float32Array(4).fill(1));
    whole.dispose();
    other.dispose();
  });

  test("go into weights files, and evaluation by them gives the same from there", async () => {
    const trainer = await createTrainer(backend(), options);
    await steps(trainer, 30);
    const weights = await trainer.parameters();
    const read = readWeights(writeWeights(model, weights), model);
    expect([...read.keys()].sort()).toEqual([...weights.keys()].sort());
    const again = await createTrainer(backend(), { ...options, weights: read });
    expect(await again.evaluate("test")).toEqual(await trainer.evaluate("test"));
    const reset = new Map(read);
    for (const name of STATISTICS) reset.delete(name);
    expect(() => writeWeights(model, reset)).toThrow(/1.running_mean \[4\] is missing/);
    trainer.dispose();
    again.dispose();
  });

  test("stay with the average of the weights as they are", async () => {
    const trainer = await createTrainer(backend(), { ...options, ema: { decay: 0.9 } });
    await steps(trainer, 12);
    const [last, average] = [await trainer.parameters("last"), await trainer.parameters("average")];
    for (const name of STATISTICS) expect(average.get(name)).toEqual(last.get(name));
    expect(average.get("0.weight")).not.toEqual(last.get("0.weight"));
    const state = await trainer.state();
    expect([...state.average!.keys()]).not.toContain("1.running_mean");
    trainer.dispose();
  });

  test("take each of a step's batches as a batch of its own", async () => {
    const trainer = await createTrainer(backend(), { ...options, accumulate: 3 });
    await steps(trainer, 7);
    expect((await trainer.parameters()).get("4.num_batches_tracked")!.data[0]).toBe(21);
    trainer.dispose();
  });

  test("are the same where rows stream", async () => {
    const [whole, streams] = [
      await createTrainer(backend(), options),
      await createTrainer(backend(), { ...options, maxDataBytes: 4 * 16 * 6 }),
    ];
    expect(await steps(streams, 25)).toEqual(await steps(whole, 25));
    expect(await streams.parameters()).toEqual(await whole.parameters());
    whole.dispose();
    streams.dispose();
  });

  test("do not take a batch that is not finite", async () => {
    const x = data.x.data.slice();
    const trainer = await createTrainer(backend(), { ...options, batch: "full" });
    await steps(trainer, 2);
    const before = await trainer.parameters();
    expect(before.get("1.running_mean")!.data.every(Number.isFinite)).toBe(true);
    trainer.dispose();
    // Values so large that their squares are not: the data itself is finite, or it would be refused.
    const huge = {
      x: ndarray(
        data.x.shape,
        "f32",
        x.map((v) => v * 1e38),
      ),
      y: data.y,
    };
    const spoilt = await createTrainer(backend(), { ...options, data: huge, batch: "full" });
    for await (const { loss } of spoilt.run({ steps: 2, onNotFinite: "skip" })) void loss;
    const after = await spoilt.parameters();
    expect(after.get("1.running_mean")!.data.every(Number.isFinite)).toBe(true);
    expect(after.get("1.running_var")!.data.every(Number.isFinite)).toBe(true);
    spoilt.dispose();
  });
});

test("a device that is lost takes no statistics with it", async () => {
  const backend = await webgpuBackend(navigator.gpu);
  const whole = await createTrainer(backend, options);
  const undisturbed = await steps(whole, 60);
  const trainer = await createTrainer(backend, options);
  const seen: number[] = [];
  for await (const { step, loss } of trainer.run({ steps: 60 })) {
    seen.push(loss);
    if (step === 25) backend.gpu.device.destroy();
  }
  expect(seen).toEqual(undisturbed);
  expect(await trainer.parameters()).toEqual(await whole.parameters());
  trainer.dispose();
  whole.dispose();
  backend.dispose();
});

test("one value a channel is refused before anything runs", async () => {
  const rows = {
    x: ndarray([6, 3], "f32", new Float32Array(18).fill(0.5)),
    y: ndarray([6], "i32", [0, 1, 0, 1, 0, 1]),
  };
  const net = sequential([linear(3, 4), batchNorm(), linear(2)], { loss: "crossEntropy" });
  await expect(createTrainer(wasm, { model: net, data: rows, batch: 1 })).rejects.toThrow(
    /layer 1.*one value a channel/,
  );
});

test("places of a batch of one are values too", async () => {
  const layers = [conv2d(4, 1), batchNorm(), flatten(), linear(2)];
  const places = sequential(layers, { input: [1, 2, 2], loss: "crossEntropy" });
  const rows = { x: reshape(data.x, [203, 4]), y: data.y };
  const trainer = await createTrainer(wasm, { ...options, model: places, batch: 1, data: rows });
  expect(await steps(trainer, 2)).toHaveLength(2);
  trainer.dispose();
});

test("f16 takes a net whose bias has no gradient, since batch norm is behind it", async () => {
  const layers = [conv2d(4, 1), batchNorm(), relu(), flatten(), linear(2)];
  const net = sequential(layers, { input: [1, 2, 2], loss: "crossEntropy" });
  const trainer = await createTrainer(wasm, { ...options, model: net, precision: "f16" });
  const losses = await steps(trainer, 40);
  expect(losses.at(-1)!).toBeLessThan(losses[0]!);
  trainer.dispose();
});
