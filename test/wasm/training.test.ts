import { afterAll, describe, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { checkGradients } from "../../src/check/gradients.ts";
import { type NdArray, ndarray } from "../../src/core/ndarray.ts";
import { normals, STREAM } from "../../src/core/philox.ts";
import { tutorialData } from "../../src/data/synthetic.ts";
import { initialise } from "../../src/nn/initialise.ts";
import type { ModelSpec } from "../../src/nn/model-spec.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { trainingPresets } from "../../src/nn/presets.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import type { TrainerOptions } from "../../src/train/run/options.ts";
import type { Trainer } from "../../src/train/trainer.ts";
import { mixedNet, ring, smallNet } from "../shared/problems.ts";

const threads = [1, 2, 3];
const backends: Backend[] = [];
for (const count of threads) backends.push(await wasmBackend({ threads: count }));
const unshared = await wasmBackend({ shared: false });
const [alone] = backends as [Backend];
afterAll(() => {
  for (const b of [...backends, unshared]) b.dispose();
});

const options = {
  model: mixedNet,
  data: ring(203),
  batch: 17,
  clip: 1,
  seed: 5,
  optimizer: { type: "adam", lr: 0.01 },
} as const;

/** Wide enough that products, activations, statistics and updates are all divided. */
const wide: TrainerOptions = {
  model: parseModel({
    layers: [
      { type: "linear", in: 96, out: 512 },
      { type: "gelu" },
      { type: "dropout", p: 0.2 },
      { type: "layerNorm", size: 512 },
      { type: "linear", in: 512, out: 130 },
    ],
    loss: "crossEntropy",
  }),
  data: {
    x: ndarray([300, 96], "f32", normals(2, STREAM.check, 0, 300 * 96)),
    y: ndarray(
      [300],
      "i32",
      Int32Array.from({ length: 300 }, (_, i) => i % 130),
    ),
  },
  batch: 150,
  seed: 3,
};

async function losses(trainer: Trainer, steps: number): Promise<number[]> {
  const out: number[] = [];
  for await (const m of trainer.run({ steps })) out.push(m.loss);
  return out;
}

async function bits(trainer: Trainer): Promise<number[]> {
  const parameters = await trainer.parameters();
  return [...parameters.values()].flatMap((a) => [...new Uint32Array(a.data.slice().buffer)]);
}

async function outcome(backend: Backend, o: TrainerOptions, steps: number) {
  const trainer = await createTrainer(backend, o);
  const result = { losses: await losses(trainer, steps), bits: await bits(trainer) };
  trainer.dispose();
  return result;
}

test("says what it is, and with how many threads", () => {
  expect(backends.map((b) => b.description)).toEqual(
    threads.map((n) => expect.stringContaining(`CPU (WebAssembly SIMD, ${n} thread${n > 1 ? "s" : ""}`)),
  );
  expect(unshared.description).toContain("1 thread");
});

test("any number of threads, shared memory or not: the same bits, on a wide net and on a small one", async () => {
  const results = [];
  for (const b of [...backends, unshared]) results.push(await outcome(b, wide, 12));
  for (const r of results.slice(1)) expect(r).toEqual(results[0]);
  expect(await outcome(backends[2]!, options, 100)).toEqual(await outcome(alone, options, 100));
}, 60_000);

test("run after run the same bits; reset begins again; parts make the whole; another seed differs", async () => {
  const first = await outcome(alone, options, 60);
  expect(await outcome(alone, options, 60)).toEqual(first);
  const trainer = await createTrainer(alone, options);
  await losses(trainer, 7);
  trainer.reset();
  const parts = [];
  for (let i = 0; i < 6; i++) parts.push(...(await losses(trainer, 10)));
  expect(parts).toEqual(first.losses);
  trainer.dispose();
  expect((await outcome(alone, { ...options, seed: 6 }, 60)).losses).not.toEqual(first.losses);
});

test("a data set that streams in chunks trains to the same bits", async () => {
  const streamed = await outcome(alone, { ...options, maxDataBytes: 17 * 8 * 7 }, 120);
  expect(streamed).toEqual(await outcome(alone, options, 120));
});

test("draws the reference's batches and masks: losses stay with f64's", async () => {
  const exact = await outcome(referenceBackend("f64"), options, 60);
  const computed = await outcome(alone, options, 60);
  computed.losses.forEach((l, i) => {
    expect(Math.abs(l - exact.losses[i]!), `step ${i + 1}`).toBeLessThan(1e-4);
  });
});

describe("the three-way check of gradients", () => {
  const digits = trainingPresets.digits!.model;
  const normal = (shape: readonly [number, number]): NdArray =>
    ndarray(shape, "f32", normals(4, STREAM.check, 1, shape[0] * shape[1]));
  const cases: [string, ModelSpec, { x: NdArray; y: NdArray }][] = [
    ["every kind of layer", mixedNet, ring(24)],
    ["the tutorial", trainingPresets.tutorial!.model, tutorialData()],
    ["a small classifier", smallNet, ring(24)],
    [
      "digits",
      digits,
      {
        x: normal([32, 64]),
        y: ndarray(
          [32],
          "i32",
          Int32Array.from({ length: 32 }, (_, i) => i % 10),
        ),
      },
    ],
  ];
  test.each(cases)("%s", async (_name, model, data) => {
    const weights = initialise(model, 2);
    const report = await checkGradients({ model, weights, ...data, backend: backends[1]! });
    expect(report).toMatchObject({ pass: true, firstDivergent: null });
  });
});

test("10,000 steps: memory is constant, and zero after dispose", async () => {
  const trainer = await createTrainer(alone, { model: smallNet, data: ring(100), batch: 8 });
  const live = new Set<number>();
  for await (const m of trainer.run({ steps: 10_000, logEvery: 500 })) {
    if (m.step > 0) live.add(trainer.memory().liveBytes);
  }
  expect([...live]).toHaveLength(1);
  expect([...live][0]).toBeGreaterThan(0);
  trainer.dispose();
  expect(trainer.memory()).toEqual({ liveBytes: 0, buffers: 0 });
  await expect(losses(trainer, 1)).rejects.toThrow(/disposed/);
});
