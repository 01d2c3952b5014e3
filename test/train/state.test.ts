import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { type OptimizerSpec, optimizerAttrs } from "../../src/optim/optimizer.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import type { Trainer } from "../../src/train/trainer.ts";
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

const data = ring(203);
const common = { model: mixedNet, data, batch: 17, clip: 1, seed: 5 } as const;

async function losses(trainer: Trainer, steps: number): Promise<number[]> {
  const out: number[] = [];
  for await (const m of trainer.run({ steps })) out.push(m.loss);
  return out;
}

const optimizers: readonly OptimizerSpec[] = [
  { type: "sgd", lr: 0.05 },
  { type: "sgd", lr: 0.05, momentum: 0.9 },
  { type: "adam", lr: 0.01 },
  { type: "rmsprop", lr: 0.01, momentum: 0.5 },
];

describe("a trainer that restores a state goes on with the same steps, bit for bit", () => {
  for (const optimizer of optimizers) {
    test(`${optimizer.type} with momentum ${optimizerAttrs(optimizer).momentum}`, async () => {
      for (const backend of [gpu, wasm]) {
        const options = { ...common, optimizer, schedule: { type: "cosine", steps: 90, min: 0.001 } } as const;
        const whole = await createTrainer(backend, options);
        const first = await losses(whole, 37);
        const state = await whole.state();
        expect(state.step).toBe(37);
        const rest = await losses(whole, 40);

        const other = await createTrainer(backend, options);
        await losses(other, 5);
        other.restore(state);
        expect(other.stepsTaken).toBe(37);
        expect(await losses(other, 40)).toEqual(rest);
        expect(await other.state()).toEqual(await whole.state());
        other.reset();
        expect(await losses(other, 37)).toEqual(first);
        whole.dispose();
        other.dispose();
      }
    });
  }

  test("with several batches a step, a penalty and rows that stream", async () => {
    for (const backend of [gpu, wasm]) {
      const options = { ...common, batch: 5, accumulate: 3, penalty: { l1: 0.001 }, maxDataBytes: 17 * 8 * 7 };
      const whole = await createTrainer(backend, options);
      await losses(whole, 13);
      const state = await whole.state();
      const rest = await losses(whole, 12);
      const other = await createTrainer(backend, options);
      other.restore(state);
      expect(await losses(other, 12)).toEqual(rest);
      whole.dispose();
      other.dispose();
    }
  });

  test("with a moving average of the weights, which is part of it", async () => {
    for (const backend of [gpu, wasm]) {
      const options = { ...common, ema: { decay: 0.9 } };
      const whole = await createTrainer(backend, options);
      const first = await whole.parameters("average");
      expect(first).toEqual(await whole.parameters());
      await losses(whole, 21);
      const state = await whole.state();
      expect(state.average).toEqual(await whole.parameters("average"));
      await losses(whole, 20);
      const other = await createTrainer(backend, options);
      other.restore(state);
      await losses(other, 20);
      expect(await other.state()).toEqual(await whole.state());
      other.reset();
      expect(await other.parameters("average")).toEqual(first);
      const plain = await createTrainer(backend, common);
      expect(() => plain.restore(state)).toThrow(/has a moving average of the weights, this run keeps none/);
      const bare = await plain.state();
      expect(() => other.restore(bare)).toThrow(/has no moving average of the weights, this run keeps one/);
      await expect(plain.evaluate("train", { weights: "average" })).rejects.toThrow(/keeps no moving average/);
      for (const t of [whole, other, plain]) t.dispose();
    }
  });

  test("where rows stream, from the midst of a chunk", async () => {
    const options = { ...common, maxDataBytes: 17 * 8 * 7 };
    const whole = await createTrainer(gpu, options);
    await losses(whole, 31);
    const state = await whole.state();
    const rest = await losses(whole, 30);
    const other = await createTrainer(gpu, options);
    other.restore(state);
    expect(await losses(other, 30)).toEqual(rest);
    whole.dispose();
    other.dispose();
  });

  test("asked for in the midst of a run it is the state after a whole number of steps", async () => {
    const options = { ...common, optimizer: { type: "adam", lr: 0.01 } } as const;
    const trainer = await createTrainer(gpu, options);
    const all: number[] = [];
    let state = await trainer.state();
    for await (const m of trainer.run({ steps: 60 })) {
      all.push(m.loss);
      if (m.step === 20) state = await trainer.state();
    }
    expect(state.step).toBeGreaterThanOrEqual(20);
    trainer.restore(state);
    expect(await losses(trainer, 60 - state.step)).toEqual(all.slice(state.step));
    trainer.dispose();
  });
});

test("a state of another run is refused by name, and changes nothing", async () => {
  const trainer = await createTrainer(wasm, { ...common, optimizer: { type: "adam", lr: 0.01 } });
  const plain = await createTrainer(wasm, { ...common, optimizer: { type: "sgd", lr: 0.01 } });
  const other = await createTrainer(wasm, { ...common, model: smallNet });
  const before = await trainer.state();
  expect(() => trainer.restore({ ...before, moments: [] })).toThrow(/0 arrays of the optimizer, this optimizer has 2/);
  const state = await other.state();
  expect(() => trainer.restore(state)).toThrow(/the state's 0.weight is \[2, 16\], this run has \[2, 24\]/);
  expect(() => trainer.restore({ ...before, parameters: new Map() })).toThrow(/lacks 0.weight/);
  const extra = new Map([...before.moments[0]!, ["9.weight", before.cursor]]);
  expect(() => trainer.restore({ ...before, moments: [extra, before.moments[1]!] })).toThrow(/array 1 of 9.weight/);
  expect(await trainer.state()).toEqual(before);
  for (const t of [trainer, plain, other]) t.dispose();
});
