import { afterAll, beforeAll, expect, test } from "vitest";
import type { Backend, Executor } from "../../src/backend/executor.ts";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import type { NdArray } from "../../src/core/ndarray.ts";
import { tanh } from "../../src/nn/layers/activation.ts";
import { linear } from "../../src/nn/layers/linear.ts";
import { sequential } from "../../src/nn/sequential.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import type { RecoveryEvent } from "../../src/train/recovery/recovery.ts";
import type { TrainerOptions } from "../../src/train/run/options.ts";
import { openGpu } from "../shared/gpu.ts";
import { ring } from "../shared/problems.ts";

/** A reading of the loss ring that is not what the steps wrote is never told of. */

let gpu: WebGpuBackend;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.dispose());

const model = sequential([linear(2, 8), tanh(), linear(2)], { loss: "crossEntropy" });
const options: TrainerOptions = { model, data: ring(50), batch: 10, seed: 5, optimizer: { type: "adam", lr: 0.05 } };
const STEPS = 4300;

/** Changes a reading: `now` as it came, `before` as the reading before it, `from` and `to` in numbers of the ring. */
type Harm = (now: Float32Array, before: Float32Array, from: number, to: number) => Float32Array;

const harms: Readonly<Record<string, readonly [Harm, RegExp]>> = {
  "short by its last slot": [(now, _b, _f, to) => now.slice(0, to - 4), /came (nothing|zeros|what step)/],
  "short in the midst of a slot": [(now, _b, _f, to) => now.slice(0, to - 2), /came/],
  empty: [() => new Float32Array(0), /came nothing/],
  "zeros at its end": [(now, _b, _f, to) => now.fill(0, to - 8, to), /came zeros/],
  "zeros throughout": [(now) => now.fill(0), /came zeros/],
  stale: [(_now, before) => before, /came/],
  "stale in one slot": [
    (now, before, from) => {
      now.set(before.subarray(from, from + 4), from);
      return now;
    },
    /came/,
  ],
  "of the step before": [
    (now, _b, from) => {
      now.copyWithin(from + 4, from, from + 4);
      return now;
    },
    /something torn/,
  ],
  "torn after a slot's first number": [
    (now, before, from) => {
      now.set(before.subarray(from + 1, from + 4), from + 1);
      return now;
    },
    /came/,
  ],
  "torn before a slot's last number": [
    (now, before, from) => {
      now.set(before.subarray(from, from + 3), from);
      return now;
    },
    /came/,
  ],
  "one loss is 0": [
    (now, _b, from) => {
      now[from] = 0;
      return now;
    },
    /something torn \(loss 0/,
  ],
  "one bit of a loss": [
    (now, _b, from) => {
      new Uint32Array(now.buffer, now.byteOffset)[from]! ^= 1;
      return now;
    },
    /something torn/,
  ],
  "a rate of another step": [
    (now, _b, from) => {
      now[from + 2]! *= 2;
      return now;
    },
    /something torn/,
  ],
};

/** The backend, whose readings from the n-th on are harmed while `harmed` says so of the executor's description. */
function harming(harm: Harm, from: number, harmed: (execution: string) => boolean): Backend {
  let readings = 0;
  const wrap = (executor: Executor): Executor => {
    let [taken, before] = [0, new Float32Array(0)];
    return new Proxy(executor, {
      get(target, key) {
        const value = Reflect.get(target, key, target) as unknown;
        if (typeof value !== "function") return value;
        if (key !== "run") return value.bind(target);
        return async (steps: number, read?: readonly { name: string }[]): Promise<readonly NdArray[]> => {
          const first = taken;
          taken += steps;
          const values = await target.run(steps, read as never);
          if (read?.[0]?.name !== "loss ring") return values;
          const now = values[0]!.data as Float32Array;
          const last = before.length > 0 ? before : new Float32Array(now.length);
          before = now.slice();
          if (++readings < from || !harmed(target.description)) return values;
          const at = (first % 4096) * 4;
          return [
            { ...values[0]!, data: harm(now.slice(), last, at, at + 4 * Math.min(steps, 4096 - (first % 4096))) },
          ];
        };
      },
    });
  };
  return { ...gpu, compile: async (g, given) => wrap(await gpu.compile(g, given)) };
}

async function lossesOn(backend: Backend, steps: number, onEvent?: (event: RecoveryEvent) => void): Promise<number[]> {
  const trainer = await createTrainer(backend, options, onEvent ? { onEvent } : {});
  const losses: number[] = [];
  try {
    for await (const m of trainer.run({ steps })) losses.push(m.loss);
  } finally {
    trainer.dispose();
  }
  return losses;
}

const dispatches = (backend: Backend): Backend => ({
  ...backend,
  compile: (g, given) => backend.compile(g, { ...given, onChip: false }),
});

test("a ring that is as it should be is read, round after round", async () => {
  expect(await lossesOn(gpu, STEPS)).toHaveLength(STEPS);
});

test.each(Object.entries(harms))(
  "%s: where steps are dispatches, an error says what came back",
  async (_n, [harm, text]) => {
    const [plain, seen]: number[][] = [[], []];
    plain!.push(...(await lossesOn(dispatches(gpu), 40)));
    const trainer = await createTrainer(dispatches(harming(harm, 3, () => true)), options);
    const failed = (async () => {
      for await (const m of trainer.run({ steps: 400 })) seen!.push(m.loss);
    })();
    await expect(failed).rejects.toMatchObject({
      code: "device",
      message: expect.stringMatching(/^step \d+: the device did not bring back /),
    });
    await failed.catch((error: Error) => expect(error.message).toMatch(text));
    // What was told before is what an undisturbed run tells.
    expect(seen!.length).toBeGreaterThan(0);
    expect(seen!.slice(0, 40)).toEqual(plain!.slice(0, seen!.length));
    trainer.dispose();
  },
);

test.each(Object.entries(harms))("%s: whole steps are taken again, as dispatches", async (_n, [harm]) => {
  gpu.gpu.wrong.clear();
  const events: RecoveryEvent[] = [];
  const seen = await lossesOn(
    harming(harm, 3, (execution) => /one kernel/.test(execution)),
    300,
    (e) => events.push(e),
  );
  expect(events.map((e) => e.kind)).toEqual(["lost", "recovered"]);
  expect([...gpu.gpu.wrong.values()].join()).toMatch(/the device did not bring back/);
  gpu.gpu.wrong.clear();
  const plain = await lossesOn(gpu, 300);
  expect(seen).toHaveLength(300);
  // Another form rounds otherwise.
  for (const [i, loss] of seen.entries()) expect(Math.abs(loss - plain[i]!), `step ${i + 1}`).toBeLessThan(1e-3);
});

test("a reading that stays away is an error too", async () => {
  const backend: Backend = {
    ...gpu,
    compile: async (g, given) => {
      const executor = await gpu.compile(g, { ...given, onChip: false });
      return new Proxy(executor, {
        get(target, key) {
          const value = Reflect.get(target, key, target) as unknown;
          if (key === "run") return (steps: number) => target.run(steps);
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
    },
  };
  await expect(lossesOn(backend, 5)).rejects.toMatchObject({
    code: "device",
    message: expect.stringContaining("gave no reading"),
  });
});

test("steps that are not finite are proved too", async () => {
  const trainer = await createTrainer(gpu, { ...options, optimizer: { type: "sgd", lr: 3e38 } });
  const skipped: number[] = [];
  for await (const m of trainer.run({ steps: 200, onNotFinite: "skip" })) if (m.skipped) skipped.push(m.step);
  expect(skipped.length).toBeGreaterThan(100);
  trainer.dispose();
});
