import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { ndarray } from "../../src/core/ndarray.ts";
import { normals } from "../../src/core/philox.ts";
import type { DeviceCaps } from "../../src/graph/op.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import type { TrainerOptions } from "../../src/train/run/options.ts";
import type { Trainer } from "../../src/train/trainer.ts";
import { asDispatches, openGpu } from "../shared/gpu.ts";
import { type LittleMemory, littleMemory } from "../shared/little-memory.ts";
import { ring, smallNet } from "../shared/problems.ts";
import { thorough } from "../shared/thorough.ts";

/**
 * A run that a device cannot hold: the error says what was asked for and what would fit, and that is so. The device is
 * as good as before, and whatever ran on it runs on.
 */
const wide = parseModel({
  layers: [{ type: "linear", in: 8, out: 600 }, { type: "tanh" }, { type: "linear", in: 600, out: 3 }],
  loss: "mse",
});
const narrow = parseModel({ layers: [{ type: "linear", in: 8, out: 3 }], loss: "mse" });
const rows = (n: number) => ({
  x: ndarray([n, 8], "f32", normals(1, 2, 3, n * 8)),
  y: ndarray([n, 3], "f32", normals(1, 2, 4, n * 3)),
});
const options: TrainerOptions = { model: wide, data: rows(4000), batch: 4000, seed: 3 };
/** What a run of half that batch takes, with what lies beside it. */
const ROOM = 12_000_000;

let gpu: WebGpuBackend;
let backend: Backend;
let memory: LittleMemory;
let caps: DeviceCaps;
beforeAll(async () => {
  gpu = await openGpu();
  caps = gpu.gpu.caps;
});
afterAll(() => gpu.dispose());
beforeEach(() => {
  backend = asDispatches(gpu);
  memory = littleMemory(Number.POSITIVE_INFINITY);
});
afterEach(async () => {
  // A trial that is over its time has buffers of its own until it ends.
  await gpu.tuner!.late;
  Object.assign(gpu.gpu, { caps });
  memory.restore();
  expect(memory.unheard, "every buffer is asked for in a scope").toBe(0);
  expect(memory.live, "all was given back").toBe(0);
});

async function messageOf(made: Promise<Trainer>): Promise<string> {
  const error = await made.then(
    (trainer) => {
      trainer.dispose();
      throw new Error("it fits");
    },
    (failure) => failure,
  );
  expect(error).toMatchObject({ name: "ChainruleError", code: "limit" });
  return error.message;
}

async function trains(given: TrainerOptions, steps = 5): Promise<number[]> {
  const trainer = await createTrainer(backend, given, { holdMs: 1 });
  const losses: number[] = [];
  try {
    for await (const m of trainer.run({ steps })) losses.push(m.loss);
    await trainer.state();
    if (given.data === options.data) await trainer.evaluate("train");
  } finally {
    trainer.dispose();
  }
  return losses;
}

describe("a device with little memory", () => {
  test("says what was asked for and the largest batch that fits: that one trains, half as much again does not", async () => {
    const first = await trains({ ...options, batch: 8 });
    memory.capacity = ROOM;
    const message = await messageOf(createTrainer(backend, options));
    expect(message).toMatch(
      /^the device has no room for the \d+ bytes that this graph takes, \d+ of them for .+\. A batch of \d+ would fit, in \d+ bytes; 4000 were asked for$/,
    );
    expect(memory.live, "all was given back").toBe(0);
    const [asked, batch, bytes] = [/(\d+) bytes that/, /batch of (\d+)/, /in (\d+) bytes/].map((p) =>
      Number(p.exec(message)![1]),
    );
    expect(asked).toBeGreaterThan(ROOM);
    expect(bytes).toBeLessThanOrEqual(ROOM);
    expect(await trains({ ...options, batch: batch! })).toHaveLength(5);
    // What a run and an evaluation may need beside the plan, and need not have all at once, has room for so many rows.
    await expect(trains({ ...options, batch: batch! + 1500 })).rejects.toMatchObject({ code: "limit" });
    // The device is the one it was, and computes as before.
    expect(gpu.gpu.failed).toBe(false);
    expect(await trains({ ...options, batch: 8 })).toEqual(first);
  });

  test.runIf(thorough)("says where computing values again would do: it does", async () => {
    const between = Array.from({ length: 40 }, () => [{ type: "linear", in: 32, out: 32 }, { type: "tanh" }]).flat();
    const ends = [
      { type: "linear", in: 8, out: 32 },
      { type: "linear", in: 32, out: 3 },
    ];
    const deep = { ...options, model: parseModel({ layers: [ends[0], ...between, ends[1]], loss: "mse" }) };
    memory.capacity = 18_500_000;
    const message = await messageOf(createTrainer(backend, deep));
    expect(message).toMatch(
      /\. With recompute \(--recompute\) it would fit as it is, in \d+ bytes\. A batch of \d+ would fit/,
    );
    expect(await trains({ ...deep, recompute: true }, 2)).toHaveLength(2);
  });

  test("says so where the data set is what there is no room for: with that many bytes at a time it trains", async () => {
    const data = rows(300_000);
    memory.capacity = ROOM;
    const message = await messageOf(createTrainer(backend, { ...options, model: narrow, data, batch: 8 }));
    const [, maxDataBytes] = /With maxDataBytes: (\d+) its rows would stream/.exec(message)!;
    expect(
      await trains({ ...options, model: narrow, data, batch: 8, maxDataBytes: Number(maxDataBytes) }),
    ).toHaveLength(5);
  });

  test("says so where not even one row fits", async () => {
    memory.capacity = 50_000;
    expect(await messageOf(createTrainer(backend, options))).toMatch(
      /Not even a batch of one row would fit, its rows streamed: take a/,
    );
  });

  test("refuses a reading or an evaluation that it has no room for; the run goes on, its losses the same", async () => {
    const exact = await trains({ ...options, batch: 8 }, 60);
    await gpu.tuner!.late;
    const trainer = await createTrainer(backend, { ...options, batch: 8 });
    const losses: number[] = [];
    for await (const m of trainer.run({ steps: 60 })) {
      losses.push(m.loss);
      if (m.step !== 20) continue;
      memory.capacity = memory.live;
      const refused = {
        code: "limit",
        message: expect.stringMatching(/no room for the \d+ bytes that (a reading|this graph|a test of \S+) takes/),
      };
      await expect(trainer.evaluate("train")).rejects.toMatchObject(refused);
      await expect(trainer.predict(rows(64).x)).rejects.toMatchObject(refused);
      // Readings that the run has not needed yet, of the loss ring's 65,536 bytes each.
      memory.capacity = memory.live + 3 * 65_536;
    }
    expect(losses).toEqual(exact);
    const live = trainer.memory();
    expect(live.liveBytes).toBe(memory.live);
    trainer.dispose();
    expect(memory.live).toBe(0);
  });

  test("refuses a run on the chip, too, and the smaller one fits", async () => {
    const small = { model: smallNet, data: ring(1_000_000), batch: 8, seed: 3 };
    memory.capacity = 8_000_000;
    expect(await messageOf(createTrainer(gpu, small))).toMatch(/With maxDataBytes: \d+ its rows would stream/);
    const many = { ...small, batch: 200_000 };
    expect(await messageOf(createTrainer(gpu, many))).toMatch(
      /With maxDataBytes: \d+ and a batch of 32 its rows would/,
    );
  });
});

describe("a device with low limits", () => {
  const low = (limits: { maxBufferSize?: number; maxStorageBufferBindingSize?: number }): Backend => {
    Object.assign(gpu.gpu, { caps: { ...gpu.gpu.caps, ...limits } });
    const { maxBufferSize, maxStorageBufferBindingSize } = gpu.gpu.caps;
    const maxDataBytes = Math.min(maxBufferSize, maxStorageBufferBindingSize);
    return { ...backend, limits: { maxBufferSize, maxDataBytes } };
  };

  test.each([["maxBufferSize"], ["maxStorageBufferBindingSize"]] as const)(
    "names what exceeds its %s before anything is asked for, and the largest batch within it",
    async (name) => {
      // The loss ring takes 65,536 bytes whatever the batch.
      const device = low({ [name]: 70_000 });
      const model = parseModel({
        layers: [{ type: "linear", in: 8, out: 60 }, { type: "softmax" }, { type: "linear", in: 60, out: 3 }],
        loss: "mse",
      });
      const given = { ...options, model, data: rows(600), batch: 512 };
      const message = await messageOf(createTrainer(device, given));
      expect(message).toMatch(new RegExp(`needs \\d+ bytes, more than this device's ${name} of 70000 bytes`));
      const batch = Number(/A batch of (\d+) would fit/.exec(message)![1]);
      // [batch, 60] of four bytes each.
      expect(batch).toBe(Math.floor(70_000 / 240));
      backend = device;
      expect(await trains({ ...given, batch })).toHaveLength(5);
      await messageOf(createTrainer(device, { ...given, batch: batch + 1 }));
    },
  );

  test("reads a state larger than its largest buffer in parts, the same to the bit", async () => {
    const whole = await createTrainer(backend, { ...options, batch: 8 });
    for await (const m of whole.run({ steps: 10 })) void m;
    const state = await whole.state();
    low({ maxBufferSize: 2048 });
    const before = memory.most;
    expect(await whole.state()).toEqual(state);
    expect(before).toBeGreaterThan(0);
    whole.dispose();
  });
});
