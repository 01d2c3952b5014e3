import { afterAll, expect, test } from "vitest";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { benchSteps, mlp, sample } from "../../src/bench/step.ts";
import { checkGradients } from "../../src/check/gradients.ts";
import { orAborted } from "../../src/core/abort.ts";
import { initialise } from "../../src/nn/initialise.ts";
import { chooseTrainer } from "../../src/train/choose-backend.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import { ring, smallNet } from "../shared/problems.ts";

const backend = await wasmBackend({ threads: 1 });
afterAll(() => backend.dispose());

const options = { model: smallNet, data: ring(100), batch: 8 } as const;
const given = (): AbortSignal => AbortSignal.abort("enough");
const aborted = { name: "ChainruleError", code: "aborted", cause: "enough" };
const soon = (ms = 5): AbortSignal => {
  const controller = new AbortController();
  setTimeout(() => controller.abort("enough"), ms);
  return controller.signal;
};
/** Work of seconds, were it not stopped. */
const large = mlp("large", [256, 256, 256, 10], 64);
const weights = initialise(large.model, 1);

test("everything that takes a signal refuses one that was given before", async () => {
  const signal = given();
  await expect(createTrainer(backend, { ...options, signal })).rejects.toMatchObject(aborted);
  await expect(createTrainer({ ...options, gpu: null, signal })).rejects.toMatchObject(aborted);
  await expect(chooseTrainer([backend], { ...options, signal })).rejects.toMatchObject(aborted);
  const trainer = await createTrainer(backend, options);
  const { x, y } = ring(4);
  for (const work of [
    () => trainer.step({ signal }),
    () => trainer.evaluate("train", { signal }),
    () => trainer.predict(x, { signal }),
    () => trainer.forward(x, { signal }),
    () => trainer.gradients(x, y, { signal }),
    () => trainer.backward(x, x, { signal }),
  ]) {
    await expect(work()).rejects.toMatchObject(aborted);
  }
  const check = { model: smallNet, weights: await trainer.parameters(), x, y, backend, signal };
  await expect(checkGradients(check)).rejects.toMatchObject(aborted);
  const steps = [];
  for await (const m of trainer.run({ steps: 10, signal })) steps.push(m);
  expect(steps).toEqual([]);
  expect(await trainer.step()).toMatchObject({ step: 1 });
  trainer.dispose();
});

test("work that is under way stops, and what it worked on goes on", async () => {
  const data = sample(large.model, 12_000);
  const trainer = await createTrainer(backend, { model: large.model, data, weights, batch: 64 });
  await expect(trainer.predict(data.x, { signal: soon(1) })).rejects.toMatchObject(aborted);
  await expect(trainer.evaluate("train", { signal: soon(1) })).rejects.toMatchObject(aborted);
  const check = { model: large.model, weights, ...sample(large.model, 16), backend, signal: soon(50) };
  await expect(checkGradients(check)).rejects.toMatchObject(aborted);
  const controller = new AbortController();
  let last = 0;
  for await (const { step } of trainer.run({ steps: 1e9, signal: controller.signal })) {
    last = step;
    if (step === 3) controller.abort();
  }
  expect(last).toBeGreaterThanOrEqual(3);
  expect(trainer.stepsTaken).toBe(last);
  expect(await trainer.step()).toMatchObject({ step: last + 1 });
  expect((await trainer.evaluate("train"))?.accuracy).toBeGreaterThanOrEqual(0);
  trainer.dispose();
}, 30_000);

test("a benchmark that is stopped says so, and leaves no trainer behind", async () => {
  const rows = async (): Promise<void> => {
    for await (const row of benchSteps({ backends: [backend], sizes: [large], signal: soon(20) })) void row;
  };
  await expect(rows()).rejects.toMatchObject(aborted);
}, 30_000);

test("what comes too late is handed to be put away, and errors of the work come through", async () => {
  const put: number[] = [];
  const late = new Promise<number>((resolve) => setTimeout(() => resolve(7), 20));
  await expect(orAborted(late, soon(2), (n) => put.push(n))).rejects.toMatchObject(aborted);
  await late;
  expect(put).toEqual([7]);
  await expect(orAborted(Promise.reject(new Error("its own")), soon())).rejects.toThrow("its own");
  expect(await orAborted(Promise.resolve(1), soon())).toBe(1);
  const discarded: number[] = [];
  await expect(orAborted(Promise.resolve(2), given(), (n) => discarded.push(n))).rejects.toMatchObject(aborted);
  expect(discarded).toEqual([2]);
});
