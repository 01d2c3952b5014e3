import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import {
  runWithValidation,
  type TrainingEvent,
  type ValidatedRun,
  type ValidatedRunOptions,
  type Validation,
} from "../../src/train/evaluation/validation.ts";
import type { Trainer } from "../../src/train/trainer.ts";
import { ring, smallNet } from "../shared/problems.ts";

let wasm: Backend;
beforeAll(async () => {
  wasm = await wasmBackend({ threads: 1 });
});
afterAll(() => wasm.dispose());

const data = ring(64);
const test_ = ring(40, 8);
/** A rate at which the loss on the test rows falls and then climbs: the net learns 64 rows by heart. */
const options = { model: smallNet, data, test: test_, batch: 16, optimizer: { type: "adam", lr: 0.05 } } as const;

async function follow(trainer: Trainer, o: ValidatedRunOptions) {
  const events: TrainingEvent[] = [];
  const run = runWithValidation(trainer, o);
  let ended: ValidatedRun;
  for (;;) {
    const { done, value } = await run.next();
    if (done) {
      ended = value;
      break;
    }
    events.push(value);
  }
  const validations = events.flatMap((e): Validation[] => (e.type === "validation" ? [e.validation] : []));
  const steps = events.flatMap((e) => (e.type === "step" ? [e.metrics] : []));
  return { ended, validations, steps };
}

test("validations come every so many steps and change nothing of the run", async () => {
  const trainer = await createTrainer(wasm, options);
  const plain = await createTrainer(wasm, options);
  const { ended, validations, steps } = await follow(trainer, { steps: 25, validate: { every: 10 } });
  const losses: number[] = [];
  for await (const m of plain.run({ steps: 25 })) losses.push(m.loss);
  expect(steps.map((m) => m.loss)).toEqual(losses);
  expect(validations.map((v) => v.step)).toEqual([10, 20, 25]);
  expect(validations.at(-1)).toMatchObject((await plain.evaluate("test"))!);
  expect(ended).toMatchObject({ step: 25, stoppedEarly: false, restored: false });
  // Steps are counted from the first, so a run that goes on validates at the same places.
  expect((await follow(trainer, { steps: 15, validate: { every: 10 } })).validations.map((v) => v.step)).toEqual([
    30, 40,
  ]);
  expect((await follow(trainer, { steps: 20, logEvery: 8, validate: { every: 3 } })).steps.map((m) => m.step)).toEqual([
    48, 56, 60,
  ]);
  trainer.dispose();
  plain.dispose();
});

describe("early stopping", () => {
  test("stops when the loss no longer falls, and goes back to the best state, from which the run repeats", async () => {
    const trainer = await createTrainer(wasm, options);
    const { ended, validations } = await follow(trainer, {
      steps: 3000,
      validate: { every: 20 },
      stopEarly: { patience: 3 },
    });
    expect(ended).toMatchObject({ stoppedEarly: true, restored: true });
    const least = Math.min(...validations.map((v) => v.loss));
    expect(ended.best).toMatchObject({ loss: least, step: ended.step - 3 * 20 });
    expect(validations.slice(-4).map((v) => v.improved)).toEqual([true, false, false, false]);
    expect(trainer.stepsTaken).toBe(ended.best!.step);
    expect((await trainer.evaluate("test"))!.loss).toBe(least);
    for await (const m of trainer.run({ steps: 20, logEvery: 20 })) void m;
    expect((await trainer.evaluate("test"))!.loss).toBe(validations.at(-3)!.loss);
    trainer.dispose();
  });

  test("minDelta asks for more, accuracy is watched upwards, and without restoreBest the trainer stays", async () => {
    const trainer = await createTrainer(wasm, options);
    const stopEarly = { patience: 2, minDelta: 10, restoreBest: false } as const;
    const strict = await follow(trainer, { steps: 500, validate: { every: 5 }, stopEarly });
    expect(strict.ended).toMatchObject({ step: 15, stoppedEarly: true, restored: false });
    expect(trainer.stepsTaken).toBe(15);
    trainer.reset();
    const watched = await follow(trainer, {
      steps: 400,
      validate: { every: 10, on: test_ },
      stopEarly: { patience: 5, monitor: "accuracy" },
    });
    const top = Math.max(...watched.validations.map((v) => v.accuracy!));
    expect(watched.ended.best!.accuracy).toBe(top);
    expect(top).toBeGreaterThan(watched.validations[0]!.accuracy!);
    trainer.dispose();
  });

  test("what cannot be meant is refused by name, before a step is taken", async () => {
    const trainer = await createTrainer(wasm, { ...options, test: null });
    const regression = parseModel({ layers: [{ type: "linear", in: 2, out: 1 }], loss: "mse" });
    const values = await createTrainer(wasm, { model: regression, data });
    const refused = (t: Trainer, o: Partial<ValidatedRunOptions>) => follow(t, { steps: 5, ...o });
    await expect(refused(trainer, { validate: { every: 2 } })).rejects.toThrow(/there are no test rows/);
    await expect(refused(trainer, { validate: { every: 0, on: "train" } })).rejects.toThrow(/every must be a whole/);
    await expect(refused(trainer, { stopEarly: { patience: 1 } })).rejects.toThrow(/stopEarly needs validate/);
    const validate = { every: 1, on: "train" } as const;
    await expect(refused(trainer, { validate, stopEarly: { patience: 0 } })).rejects.toThrow(/patience must be/);
    const negative = { patience: 1, minDelta: -1 };
    await expect(refused(trainer, { validate, stopEarly: negative })).rejects.toThrow(/minDelta must be at least 0/);
    const accuracy = { patience: 1, monitor: "accuracy" } as const;
    await expect(refused(values, { validate, stopEarly: accuracy })).rejects.toThrow(/mse has no accuracy/);
    const wide = { x: ring(4).y, y: ring(4).y };
    await expect(refused(trainer, { validate: { every: 1, on: wide } })).rejects.toThrow(
      /validation data: rows have 1/,
    );
    expect(trainer.stepsTaken).toBe(0);
    trainer.dispose();
    values.dispose();
  });
});
