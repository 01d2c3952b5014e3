import { afterAll, beforeAll, expect, test } from "vitest";
import { cpuBackend } from "../../src/backend/cpu.ts";
import type { Backend } from "../../src/backend/executor.ts";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { onChip } from "../../src/check/on-chip.ts";
import { ndarray } from "../../src/core/ndarray.ts";
import { normals } from "../../src/core/philox.ts";
import { requireKnown } from "../../src/io/known-options.ts";
import { exportPytorch } from "../../src/io/pytorch/export.ts";
import { initialise } from "../../src/nn/initialise.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import type { TrainerOptions } from "../../src/train/run/options.ts";
import { trainingGraph } from "../../src/train/run/training-graph.ts";
import { asDispatches, openGpu } from "../shared/gpu.ts";

let gpu: Awaited<ReturnType<typeof openGpu>>;
let cpu: Backend;
beforeAll(async () => {
  [gpu, cpu] = [await openGpu(), await cpuBackend()];
});
afterAll(() => gpu.dispose());

const [C, H, W] = [2, 4, 5];
const model = parseModel({
  input: [C, H, W],
  layers: [{ type: "flatten" }, { type: "linear", in: C * H * W, out: 3 }],
  loss: "crossEntropy",
});
const data = {
  x: ndarray([10, C, H, W], "f32", normals(5, 4, 0, 10 * C * H * W)),
  y: ndarray(
    [10],
    "i32",
    Int32Array.from({ length: 10 }, (_, i) => i % 3),
  ),
};
const augment = { crop: { padding: 1 }, shift: 1, flip: "both", cutout: 2 } as const;
const unchanged: TrainerOptions = { model, data, batch: 4, optimizer: { type: "sgd", lr: 0.1 } };
const options: TrainerOptions = { ...unchanged, augment };

async function losses(backend: Backend, more: Partial<TrainerOptions> = { augment }, steps = 12) {
  const trainer = await createTrainer(backend, { ...unchanged, ...more });
  const found: number[] = [];
  for await (const m of trainer.run({ steps })) found.push(m.loss);
  trainer.dispose();
  return found;
}

/** The images of a step as a backend makes them. */
async function images(backend: Backend, step: number, batch: number | "full" = 4) {
  const x = { ...data.x, shape: [10, C * H * W] };
  const plan = await trainingGraph({
    ...{ model, augment, x, y: data.y, rows: 10, batch, streams: false, clip: 0, seed: 7, maxBufferSize: 2 ** 28 },
    ...{ weights: initialise(model, 1), optimizer: { type: "sgd", lr: 1e-9 }, schedule: { type: "constant" } },
  });
  const drawn = plan.graph.nodes.find((node) => node.op.name === "augment")!.outputs[0]!;
  plan.graph.keep(drawn);
  const executor = await backend.compile(plan.graph, { onChip: false });
  executor.write(plan.cursor, ndarray([4], "u32", [step, 0, (step * 4) % 10, 0]));
  const [found] = await executor.run(1, [drawn]);
  executor.dispose();
  return [...found!.data];
}

test("images are the same bits on every executor, and others at every step", async () => {
  const truth = await images(referenceBackend("f32"), 2);
  expect(await images(cpu, 2)).toEqual(truth);
  expect(await images(asDispatches(gpu), 2)).toEqual(truth);
  expect(await images(cpu, 3)).not.toEqual(truth);
  const full = await images(asDispatches(gpu), 0, "full");
  expect(full).toEqual(await images(referenceBackend("f32"), 0, "full"));
  // What is shown comes from the row itself: each value of it at most once, and zeros where nothing does.
  for (let row = 0; row < 10; row++) {
    const own = [...data.x.data.subarray(row * C * H * W, (row + 1) * C * H * W)];
    const shown = full.slice(row * C * H * W, (row + 1) * C * H * W).filter((v) => v !== 0);
    expect(new Set(shown).size).toBe(shown.length);
    expect(shown.every((v) => own.includes(v))).toBe(true);
  }
});

test("a run with it goes on from a state to the bit, streams and accumulates, and evaluation sees rows as they are", async () => {
  const whole = await losses(cpu);
  expect(whole).not.toEqual(await losses(cpu, {}));
  expect(await losses(cpu, { augment, maxDataBytes: 1000 })).toEqual(whole);
  const trainer = await createTrainer(cpu, options);
  for await (const _ of trainer.run({ steps: 5 }));
  const state = await trainer.state();
  const again = await createTrainer(cpu, options);
  again.restore(state);
  const rest: number[] = [];
  for await (const m of again.run({ steps: 7 })) rest.push(m.loss);
  expect(rest).toEqual(whole.slice(5));
  const plain = await createTrainer(cpu, unchanged);
  plain.restore(state);
  trainer.restore(state);
  expect(await trainer.evaluate("train")).toEqual(await plain.evaluate("train"));
  expect(await trainer.predict(data.x)).toEqual(await plain.predict(data.x));
  for (const t of [trainer, again, plain]) t.dispose();
  // Two parts of a step are changed in different ways: a step of the same rows twice is no step of them once.
  const parts = await losses(cpu, { augment, accumulate: 2 });
  const exact = await losses(referenceBackend("f64"), { augment, accumulate: 2 });
  for (const [i, loss] of parts.entries()) expect(Math.abs(loss - exact[i]!)).toBeLessThan(1e-5);
});

test("on WebGPU, as dispatches and in one kernel, it is the run of the f64 reference", async () => {
  const exact = await losses(referenceBackend("f64"));
  const chip = onChip(gpu, { form: { width: 4, memory: "storage" } });
  for (const backend of [asDispatches(gpu), chip]) {
    for (const [i, loss] of (await losses(backend)).entries()) expect(Math.abs(loss - exact[i]!)).toBeLessThan(1e-5);
  }
});

test.each<[string, Partial<TrainerOptions>, RegExp]>([
  [
    "rows that are no images",
    { model: { ...model, input: [40], layers: model.layers.slice(1) } },
    /rows are \[40\], and/,
  ],
  [
    "a slip of the pen",
    { augment: { flips: "horizontal" } as never },
    /augment: unknown option "flips"; known are crop/,
  ],
  ["nothing to do", { augment: {} }, /augment: nothing to do/],
  [
    "a flip of another name",
    { augment: { flip: "left" as never } },
    /flip must be "horizontal" or "vertical" or "both"/,
  ],
  ["a shift out of the image", { augment: { shift: 4 } }, /augment: shift must be a whole number from 1 to 3/],
  ["crop as a number", { augment: { crop: 4 as never } }, /augment: crop: an object of options is needed, got 4/],
])("refuses %s", async (_what, more, message) => {
  await expect(createTrainer(cpu, { ...options, ...more })).rejects.toThrow(message);
});

test("an export to PyTorch draws the same, a receipt refuses it by name", async () => {
  const trainer = await createTrainer(cpu, options);
  const state = await trainer.state();
  const files = exportPytorch(trainer.options, state);
  const settings = '{"padding": 1, "shift": 1, "across": True, "down": True, "cutout": 2}';
  expect(files.get("train.py")).toContain(`AUGMENT = ${settings}`);
  expect(files.get("train.py")).toContain("loss = loss_of(shared(images), y[mine])");
  expect(files.has("augment.py")).toBe(true);
  expect(() => requireKnown(trainer.options, "receipt", ["augment"])).toThrow(/a run with augment cannot be written/);
  trainer.dispose();
});
