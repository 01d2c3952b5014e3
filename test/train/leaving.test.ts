import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { type WebGpuBackend, webgpuBackend } from "../../src/backend/webgpu/backend.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import { type RowSource, sourceOf } from "../../src/train/data/row-source.ts";
import type { TrainerOptions } from "../../src/train/run/options.ts";
import type { Trainer } from "../../src/train/trainer.ts";
import { asDispatches, openGpu } from "../shared/gpu.ts";
import { mixedNet, ring, smallNet } from "../shared/problems.ts";
import { times } from "../shared/thorough.ts";

/**
 * The device is ahead of what a run has told. A run that is left (by break, return or a throw in the loop's body) has
 * taken those steps all the same: the trainer counts them, and what follows is what a run that was not left would say.
 */
const data = ring(203);
const small = { model: smallNet, data, batch: 16, seed: 5, optimizer: { type: "adam", lr: 0.01 } } as const;
const large = { model: mixedNet, data, batch: 17, clip: 1, seed: 5 } as const;
/** Rows of seven steps are on the device at a time. */
const streamed = { ...large, maxDataBytes: 17 * 8 * 7 };

const slowly = (source: RowSource): RowSource => ({
  ...source,
  read: async (index) => {
    await new Promise((resolve) => setTimeout(resolve, 3));
    return source.read(index);
  },
});

let gpu: WebGpuBackend;
let cpu: Backend;
beforeAll(async () => {
  gpu = await openGpu();
  cpu = await wasmBackend();
});
afterAll(() => {
  gpu.dispose();
  cpu.dispose();
});

async function lossesOf(trainer: Trainer, steps: number): Promise<Map<number, number>> {
  const out = new Map<number, number>();
  for await (const m of trainer.run({ steps })) out.set(m.step, m.loss);
  return out;
}

/** Runs, and breaks off at the given step; gives the last step that was told. */
async function leftAt(trainer: Trainer, step: number): Promise<number> {
  for await (const m of trainer.run({ steps: 10_000 })) if (m.step === step) return m.step;
  throw new Error(`step ${step} never came`);
}

/** The trainer counts what its device has taken, and goes on as one that was not left. */
async function goesOn(trainer: Trainer, options: TrainerOptions, steps: number): Promise<void> {
  const from = trainer.stepsTaken;
  const rest = await lossesOf(trainer, steps);
  const whole = await createTrainer(trainer.backend, options);
  const exact = await lossesOf(whole, from + steps);
  expect([...rest.keys()][0]).toBe(from + 1);
  expect(rest.size).toBe(steps);
  for (const [step, loss] of rest) expect(loss, `step ${step}`).toBe(exact.get(step));
  expect(await trainer.parameters()).toEqual(await whole.parameters());
  whole.dispose();
}

describe("a run that is left by break", () => {
  const cases: readonly (readonly [string, () => Backend, TrainerOptions, number])[] = [
    ["on the chip", () => gpu, small, 300],
    ["by dispatches", () => asDispatches(gpu), large, 30],
    ["with rows that stream", () => asDispatches(gpu), streamed, 30],
    ["in WebAssembly", () => cpu, small, 300],
    ["in WebAssembly, with rows that stream", () => cpu, streamed, 30],
  ];
  test.each(cases)("has taken the steps that were queued: %s", async (_name, backend, options, at) => {
    const trainer = await createTrainer(backend(), options);
    for (const more of [at, 1]) {
      const told = await leftAt(trainer, trainer.stepsTaken + more);
      const { step } = await trainer.state();
      expect(trainer.stepsTaken).toBe(step);
      expect(step).toBeGreaterThanOrEqual(told);
    }
    expect(trainer.stepsTaken, "steps were queued").toBeGreaterThan(at + 1);
    await goesOn(trainer, options, 40);
    trainer.dispose();
  });

  test("goes on from there when the device is lost afterwards", async () => {
    const own = await webgpuBackend(navigator.gpu);
    const trainer = await createTrainer(own, large, { holdMs: 1 });
    await leftAt(trainer, 60);
    own.gpu.device.destroy();
    await goesOn(trainer, large, 40);
    trainer.dispose();
    own.dispose();
  });

  test("is where it was put, when it was put somewhere before it was left", async () => {
    const trainer = await createTrainer(gpu, small);
    await lossesOf(trainer, 10);
    const state = await trainer.state();
    for await (const m of trainer.run({ steps: 10_000 })) {
      if (m.step !== 500) continue;
      trainer.restore(state);
      break;
    }
    expect(trainer.stepsTaken).toBe(10);
    await goesOn(trainer, small, 40);
    for await (const m of trainer.run({ steps: 10_000 })) {
      if (m.step !== 500) continue;
      trainer.reset();
      break;
    }
    expect(trainer.stepsTaken).toBe(0);
    await goesOn(trainer, small, 40);
    trainer.dispose();
  });
});

test("a run ends where its own loop puts the trainer elsewhere, and goes on", async () => {
  const trainer = await createTrainer(gpu, small);
  await lossesOf(trainer, 10);
  const state = await trainer.state();
  const seen: number[] = [];
  for await (const m of trainer.run({ steps: 10_000 })) {
    seen.push(m.step);
    if (m.step === 500) trainer.restore(state);
  }
  expect(seen.at(-1)).toBe(500);
  expect(trainer.stepsTaken).toBe(10);
  await goesOn(trainer, small, 40);

  trainer.dispose();
});

test.each([
  ["on the chip", () => gpu, small],
  ["with rows that stream", () => asDispatches(gpu), streamed],
  ["with rows that take a while", () => asDispatches(gpu), { ...streamed, data: slowly(sourceOf(data)) }],
] as const)("a run ends where the trainer is put elsewhere by another's hand, %s", async (_where, backend, options) => {
  const trainer = await createTrainer(backend(), options);
  // Whatever it waits for just then: more rows, or a reading.
  for (let turns = 0; turns < times(6, 12); turns++) {
    const run = trainer.run({ steps: 10_000 });
    const rest = (async () => {
      for await (const m of run) void m;
    })();
    for (let i = 0; i < turns; i++) await new Promise((resolve) => setTimeout(resolve, 0));
    trainer.reset();
    await rest;
    expect(trainer.stepsTaken).toBe(0);
    await goesOn(trainer, options, 12);
    trainer.reset();
  }
  trainer.dispose();
});

test("a run that ends with a step that is not finite has taken the steps that were queued", async () => {
  const wild = { ...small, optimizer: { type: "sgd", lr: 1e30 } } as const;
  const trainer = await createTrainer(gpu, wild);
  await expect(lossesOf(trainer, 10_000)).rejects.toMatchObject({ code: "not-finite" });
  expect(trainer.stepsTaken).toBe((await trainer.state()).step);
  trainer.dispose();
});
