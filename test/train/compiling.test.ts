import { afterAll, beforeAll, expect, test } from "vitest";
import { cpuBackend } from "../../src/backend/cpu.ts";
import type { Backend } from "../../src/backend/executor.ts";
import { type WebGpuBackend, webgpuBackend } from "../../src/backend/webgpu/backend.ts";
import { tanh } from "../../src/nn/layers/activation.ts";
import { linear } from "../../src/nn/layers/linear.ts";
import { sequential } from "../../src/nn/sequential.ts";
import { choiceText, chooseTrainer } from "../../src/train/choose-backend.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import type { RecoveryEvent } from "../../src/train/recovery/recovery.ts";
import type { TrainerOptions } from "../../src/train/run/options.ts";
import { ring } from "../shared/problems.ts";

/** A GPU that compiles for long never holds the first loss back. */

const model = sequential([linear(2, 8), tanh(), linear(2)], { loss: "crossEntropy" });
const options: TrainerOptions = { model, data: ring(50), batch: 10, seed: 5, optimizer: { type: "adam", lr: 0.05 } };
const COMPILING_MS = 3000;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

let gpu: WebGpuBackend;
let cpu: Backend;
beforeAll(async () => {
  gpu = await webgpuBackend(navigator.gpu);
  cpu = await cpuBackend();
  // So that the pause below is all that compiling takes.
  (await createTrainer(gpu, options)).dispose();
});
afterAll(() => {
  gpu.dispose();
  cpu.dispose();
});

/** A backend whose every step takes so much longer, and which compiles for so long. */
function slow<B extends Backend>(backend: B, compilingMs: number, stepMs: number): Backend {
  return {
    ...backend,
    compile: async (g, given) => {
      await pause(compilingMs);
      const executor = await backend.compile(g, given);
      let tail: Promise<unknown> = Promise.resolve();
      return new Proxy(executor, {
        get(target, key) {
          const value = Reflect.get(target, key, target) as unknown;
          if (key === "run")
            return (...asked: Parameters<typeof target.run>) => {
              const result = tail.then(async () => {
                if (stepMs * asked[0] > 0) await pause(stepMs * asked[0]);
                return target.run(...asked);
              });
              tail = result.catch(() => undefined);
              return result;
            };
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
    },
  };
}

async function play(backends: readonly Backend[], ms: number) {
  const events: RecoveryEvent[] = [];
  const start = performance.now();
  const { trainer, measured } = await chooseTrainer(backends, options, { onEvent: (event) => events.push(event) });
  const losses = new Map<number, number>();
  let first = Number.POSITIVE_INFINITY;
  const stop = new AbortController();
  for await (const m of trainer.run({ steps: 1e9, signal: stop.signal })) {
    first = Math.min(first, performance.now() - start);
    losses.set(m.step, m.loss);
    if (performance.now() - start > ms) stop.abort();
  }
  const { kind } = trainer.backend;
  const state = await trainer.state();
  const { stepsTaken } = trainer;
  trainer.dispose();
  return { events, first, losses, measured, kind, state, stepsTaken };
}

test("the CPU takes the first steps, and the run moves when the GPU is there and faster", async () => {
  const seen = await play([slow(gpu, COMPILING_MS, 0), slow(cpu, 0, 60)], COMPILING_MS + 3000);
  expect(seen.first).toBeLessThan(COMPILING_MS / 2);
  expect(seen.measured.map((m) => m.kind)).toEqual(["cpu", "webgpu"]);
  expect(choiceText(seen.measured)).toMatch(/steps\/s; .*still compiling$/);
  expect(seen.events).toMatchObject([{ kind: "faster", description: gpu.description }]);
  expect(seen.kind).toBe("webgpu");
  // Every step once, and none left out: the losses are those of one run.
  expect([...seen.losses.keys()]).toEqual(Array.from(seen.losses, (_, i) => i + 1));
  expect(seen.state.step).toBe(seen.stepsTaken);
  const alone = await createTrainer(cpu, options);
  for await (const m of alone.run({ steps: Math.min(400, seen.losses.size) }))
    expect(Math.abs(seen.losses.get(m.step)! - m.loss), `step ${m.step}`).toBeLessThan(1e-3);
  alone.dispose();
});

// A machine that stands still while the CPU is timed makes the GPU the faster one.
test("it stays where the GPU turns out to be slower", { retry: 2 }, async () => {
  const seen = await play([slow(gpu, COMPILING_MS, 60), slow(cpu, 0, 4)], COMPILING_MS + 1500);
  expect(seen.first).toBeLessThan(COMPILING_MS / 2);
  expect(seen.events).toEqual([]);
  expect(seen.kind).toBe("cpu");
  const alone = await createTrainer(cpu, options);
  for await (const m of alone.run({ steps: 200 })) expect(seen.losses.get(m.step)).toBe(m.loss);
  alone.dispose();
});

test("what somebody waited before counts", async () => {
  const since = performance.now() - 60_000;
  const backends = [slow(gpu, 1500, 0), cpu];
  const { trainer, measured, settled } = await chooseTrainer(backends, options, {}, { patienceMs: 60_000, since });
  expect(measured.map(({ kind, compiling }) => [kind, compiling])).toEqual([
    ["cpu", undefined],
    ["webgpu", true],
  ]);
  trainer.dispose();
  await settled;
});

test("a trainer that ends while the GPU compiles takes it along", async () => {
  const before = gpu.gpu.executors.size;
  const { trainer, settled } = await chooseTrainer([slow(gpu, 1500, 0), cpu], options, {}, { patienceMs: 100 });
  await trainer.step();
  trainer.dispose();
  await settled;
  expect(gpu.gpu.executors.size).toBe(before);
});
