import { afterAll, beforeAll, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { STREAM, uniforms } from "../../src/core/philox.ts";
import { initialise } from "../../src/nn/initialise.ts";
import { chooseTrainer } from "../../src/train/choose-backend.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import type { Trainer } from "../../src/train/trainer.ts";
import { openGpu } from "../shared/gpu.ts";
import { mixedNet, ring } from "../shared/problems.ts";

let gpu: Backend;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.dispose());

const data = ring(203);
const options = { model: mixedNet, data, batch: 17, clip: 1, seed: 5, optimizer: { type: "adam", lr: 0.01 } } as const;

async function losses(trainer: Trainer, steps: number): Promise<number[]> {
  const out: number[] = [];
  for await (const m of trainer.run({ steps })) out.push(m.loss);
  return out;
}

async function bits(trainer: Trainer): Promise<Record<string, number[]>> {
  const parameters = await trainer.parameters();
  return Object.fromEntries(
    [...parameters].map(([name, { data }]) => [name, [...new Uint32Array(data.buffer, data.byteOffset, data.length)]]),
  );
}

test("same seed, same device: bit-equal parameters after 200 steps, five times over", async () => {
  const runs = [];
  for (let i = 0; i < 5; i++) {
    const trainer = await createTrainer(gpu, options);
    await losses(trainer, 200);
    runs.push(await bits(trainer));
    trainer.dispose();
  }
  for (const run of runs.slice(1)) expect(run).toEqual(runs[0]);
});

test("reset begins the same run again, and another seed another", async () => {
  const trainer = await createTrainer(gpu, options);
  const first = await losses(trainer, 50);
  trainer.reset();
  expect(await losses(trainer, 50)).toEqual(first);
  trainer.dispose();
  const other = await createTrainer(gpu, { ...options, seed: 6 });
  expect(await losses(other, 50)).not.toEqual(first);
  other.dispose();
});

test("measuring which backend is fastest leaves no trace in the run", async () => {
  const { trainer, chosen, measured } = await chooseTrainer([gpu, referenceBackend("f32")], options, undefined, {
    patienceMs: Number.POSITIVE_INFINITY,
  });
  expect(measured).toHaveLength(2);
  expect(chosen.stepMs).toBe(Math.min(...measured.map((m) => m.stepMs)));
  expect(trainer.stepsTaken).toBe(0);
  const fresh = await createTrainer(trainer.backend, options);
  expect(await losses(trainer, 30)).toEqual(await losses(fresh, 30));
  trainer.dispose();
  fresh.dispose();
});

test("one run of 60 steps and six of ten are the same", async () => {
  const whole = await createTrainer(gpu, options);
  const parts = await createTrainer(gpu, options);
  await losses(whole, 60);
  for (let i = 0; i < 6; i++) await losses(parts, 10);
  expect(await bits(parts)).toEqual(await bits(whole));
  whole.dispose();
  parts.dispose();
});

test("a data set that streams in chunks trains to the same bits as one on the device", async () => {
  const resident = await createTrainer(gpu, options);
  const streamed = await createTrainer(gpu, { ...options, maxDataBytes: 17 * 8 * 7 });
  expect(await losses(streamed, 120)).toEqual(await losses(resident, 120));
  expect(await bits(streamed)).toEqual(await bits(resident));
  resident.dispose();
  streamed.dispose();
});

/**
 * How far f32 rounding alone carries this run away from f64: the largest distance seen so far among runs whose first
 * weights differ by less than a rounding. Measured, because a worst-case bound over a hundred steps says nothing.
 */
async function propagatedError(exact: readonly number[]): Promise<number[]> {
  const start = initialise(mixedNet, options.seed);
  const envelope = new Array<number>(exact.length).fill(0);
  for (let replica = 0; replica < 4; replica++) {
    const weights = new Map(
      [...start].map(([name, w], k) => {
        const noise = uniforms(replica, STREAM.check, k, w.data.length, -1, 1);
        return [name, { ...w, data: w.data.map((v, i) => v * (1 + (replica ? 2 ** -24 * noise[i]! : 0))) }];
      }),
    );
    const trainer = await createTrainer(referenceBackend("f32"), { ...options, weights });
    (await losses(trainer, exact.length)).forEach((l, i) => {
      envelope[i] = Math.max(envelope[i]!, envelope[i - 1] ?? 0, Math.abs(l - exact[i]!));
    });
    trainer.dispose();
  }
  return envelope;
}

test("GPU and CPU draw the same batches and masks: their losses stay within the propagated error", async () => {
  const onGpu = await createTrainer(gpu, options);
  const exact = await createTrainer(referenceBackend("f64"), options);
  const [computed, truth] = [await losses(onGpu, 100), await losses(exact, 100)];
  const envelope = await propagatedError(truth);
  // WGSL's exp may be off by several ulp where the CPU rounds once: ten times the envelope of single roundings.
  computed.forEach((l, i) => {
    expect(Math.abs(l - truth[i]!), `step ${i + 1}`).toBeLessThan(10 * envelope[i]! + 1e-6);
  });
  expect(Math.max(...envelope)).toBeLessThan(1e-3);
  onGpu.dispose();
  exact.dispose();
});
