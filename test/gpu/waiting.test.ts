import { expect, test } from "vitest";
import { type WebGpuBackend, webgpuBackend } from "../../src/backend/webgpu/backend.ts";
import { waitsSlowly } from "../../src/backend/webgpu/waiting.ts";
import { tanh } from "../../src/nn/layers/activation.ts";
import { linear } from "../../src/nn/layers/linear.ts";
import { sequential } from "../../src/nn/sequential.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import { asDispatches } from "../shared/gpu.ts";
import { ring } from "../shared/problems.ts";
import { tickingGpu } from "../shared/ticking-gpu.ts";

const model = sequential([linear(2, 8), tanh(), linear(2)], { loss: "crossEntropy" });
const options = { model, data: ring(50), batch: 10, optimizer: { type: "adam", lr: 0.05 } } as const;
/** Far longer than a reading takes: whoever waits for ticks is seen. */
const TICK_MS = 400;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Losses of some steps, the weights read after them, and the milliseconds that ten readings took. */
async function use(backend: WebGpuBackend, dispatches: boolean) {
  const trainer = await createTrainer(dispatches ? asDispatches(backend) : backend, options);
  const losses: number[] = [];
  for await (const m of trainer.run({ steps: 30 })) losses.push(m.loss);
  const start = performance.now();
  for (let i = 0; i < 9; i++) await trainer.parameters();
  const weights = [...(await trainer.parameters()).values()].map((w) => [...w.data]);
  const ms = performance.now() - start;
  trainer.dispose();
  return { losses, weights, ms };
}

test.each([
  ["whole steps", false],
  ["dispatches", true],
])("a device that tells of its work at a slow tick is asked: %s", { timeout: 60_000 }, async (_name, dispatches) => {
  const plain = await webgpuBackend(navigator.gpu);
  const there = tickingGpu(navigator.gpu, TICK_MS);
  const backend = await webgpuBackend(there.gpu);
  const [expected, seen] = [await use(plain, dispatches), await use(backend, dispatches)];
  expect(seen.losses).toEqual(expected.losses);
  expect(seen.weights).toEqual(expected.weights);
  // By ticks alone ten readings take ten of them.
  expect(seen.ms).toBeLessThan(5 * TICK_MS);
  expect(there.empty()).toBeGreaterThan(0);
  await backend.gpu.seen;
  await pause(50);
  const before = there.empty();
  await pause(300);
  expect(there.empty(), "asked while nobody waits").toBe(before);
  plain.dispose();
  backend.dispose();
});

test("work that takes long is asked for ever more seldom, and at last not at all", async () => {
  const there = tickingGpu(navigator.gpu, TICK_MS);
  const backend = await webgpuBackend(there.gpu);
  await backend.gpu.seen;
  let tell = (): void => undefined;
  const work = backend.gpu.awaited(new Promise<void>((resolve) => (tell = resolve)));
  const counts: number[] = [];
  let last = there.empty();
  for (let i = 0; i < 5; i++) {
    await pause(500);
    counts.push(there.empty() - last);
    last = there.empty();
  }
  tell();
  await work;
  expect(counts[0]).toBeGreaterThan(5);
  expect(counts[1]).toBeLessThan(counts[0]! / 2);
  expect(counts.at(-1)).toBe(0);
  backend.dispose();
});

test("a device that tells at once is left alone", async () => {
  let empty = 0;
  const count = GPUQueue.prototype.submit;
  GPUQueue.prototype.submit = function (buffers) {
    if ([...buffers].length === 0) empty++;
    count.call(this, buffers);
  };
  try {
    const backend = await webgpuBackend(navigator.gpu);
    await backend.gpu.seen;
    const before = empty;
    await use(backend, false);
    expect(empty).toBe(before);
    backend.dispose();
  } finally {
    GPUQueue.prototype.submit = count;
  }
});

/** A queue that never has work: it tells after so long, or so long after something is submitted. */
function idleQueue(ms: () => number, asked: () => number): GPUQueue {
  let tell = (): void => undefined;
  const queue = {
    onSubmittedWorkDone: () =>
      new Promise<void>((resolve) => {
        tell = resolve;
        setTimeout(resolve, ms());
      }),
    submit: () => setTimeout(tell, asked()),
  };
  return queue as unknown as GPUQueue;
}

const NEVER = 1000;

test.each([
  ["at once", [0, 0, 0], [], false],
  ["late the first time only", [60, 0, 0], [0], false],
  ["late, and no sooner when asked", Array(9).fill(200), Array(9).fill(NEVER), false],
  ["at a tick", [200, 200, 200], [0, 0], true],
  ["at a tick that came soon by chance", [1, 200, 200], [0, 0], true],
  ["at a tick that came soon the second time", [200, 1, 200], [0, 0], true],
  ["at ticks that came soon by chance, but not in a row", [1, 200, 1, 200], [0, 0], true],
  ["at a tick, on a machine that is busy when asked", [200, 200, 200, 200], [60, 0, 60, 0], true],
])("how a queue waits is seen: %s", async (_name, times, asked, slow) => {
  const [time, answer] = [times.values(), asked.values()];
  expect(
    await waitsSlowly(
      idleQueue(
        () => time.next().value ?? 0,
        () => answer.next().value ?? 0,
      ),
      { requests: 0, waiting: 0 },
    ),
  ).toBe(slow);
});

test("answers that something else brought are not counted, and nothing is asked while somebody waits", async () => {
  const traffic = { requests: 0, waiting: 1 };
  let questions = 0;
  // Slow: it tells at once only as others submit, which they do until the fifth question.
  const queue = idleQueue(
    () => {
      questions++;
      if (questions > 5) return 200;
      traffic.requests++;
      return 0;
    },
    () => 0,
  );
  const seen = waitsSlowly(queue, traffic);
  await pause(60);
  expect(questions).toBe(0);
  traffic.waiting = 0;
  expect(await seen).toBe(true);
  expect(questions).toBe(7);
});
