import { afterAll, beforeAll, expect, test } from "vitest";
import { cpuBackend } from "../../src/backend/cpu.ts";
import type { Backend } from "../../src/backend/executor.ts";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { onChip } from "../../src/check/on-chip.ts";
import { type NdArray, ndarray, zeros } from "../../src/core/ndarray.ts";
import { randomWord } from "../../src/core/philox.ts";
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

const [T, COUNT] = [5, 7];
const model = parseModel({
  input: [T],
  layers: [
    { type: "embedding", vocabulary: COUNT, size: 4 },
    { type: "linear", in: 4, out: COUNT },
  ],
  loss: "crossEntropy",
});
const tokens = Int32Array.from({ length: 64 }, (_, i) => randomWord(5, 4, 0, i) % COUNT);
/** Windows side by side, as text-data.ts makes them. */
const rowsOf = (text: Int32Array, n = Math.floor((text.length - 1) / T)) => ({
  x: ndarray([n, T], "i32", text.slice(0, n * T)),
  y: ndarray([n, T], "i32", text.slice(1, n * T + 1)),
  text: ndarray([text.length], "i32", text),
});
const data = rowsOf(tokens);
const options: TrainerOptions = { model, data, batch: 4, seed: 7, optimizer: { type: "sgd", lr: 0.1 } };

async function losses(backend: Backend, more: Partial<TrainerOptions> = {}, steps = 12) {
  const trainer = await createTrainer(backend, { ...options, ...more });
  const found: number[] = [];
  for await (const m of trainer.run({ steps })) found.push(m.loss);
  trainer.dispose();
  return found;
}

/** Windows of `steps` steps as a backend draws them. */
async function drawn(backend: Backend, steps: number, batch = 4): Promise<[x: NdArray, y: NdArray][]> {
  const plan = await trainingGraph({
    ...{ model, ...data, rows: data.x.shape[0]!, batch, streams: false, clip: 0, seed: 9, maxBufferSize: 2 ** 28 },
    ...{ weights: initialise(model, 1), optimizer: { type: "sgd", lr: 1e-9 }, schedule: { type: "constant" } },
  });
  const { outputs } = plan.graph.nodes.find((node) => node.op.name === "tokenWindows")!;
  plan.graph.keep(...outputs);
  const executor = await backend.compile(plan.graph, { onChip: false });
  const found: [NdArray, NdArray][] = [];
  for (let s = 0; s < steps; s++) found.push((await executor.run(1, outputs)) as [NdArray, NdArray]);
  executor.dispose();
  return found;
}

test("windows are the same bits on every executor; every epoch has each token once, from another place on", async () => {
  const truth = await drawn(referenceBackend("f32"), 6);
  expect(await drawn(cpu, 6)).toEqual(truth);
  expect(await drawn(asDispatches(gpu), 6)).toEqual(truth);
  // Twelve windows: three steps are an epoch.
  const places = truth.map(([x, y]) =>
    Array.from({ length: 4 }, (_, i) => {
      const window = [...x.data.subarray(i * T, (i + 1) * T), y.data[i * T + T - 1]!].join();
      const starts = tokens.map((_, at) => (tokens.slice(at, at + T + 1).join() === window ? at : -1));
      expect([...x.data.subarray(i * T + 1, (i + 1) * T)]).toEqual([...y.data.subarray(i * T, (i + 1) * T - 1)]);
      return Math.max(...starts);
    }),
  );
  const epochs = [places.slice(0, 3).flat(), places.slice(3).flat()].map((all) => all.sort((a, b) => a - b));
  for (const starts of epochs) {
    expect(new Set(starts).size).toBe(12);
    const inner = starts.slice(0, -1);
    for (const [k, start] of inner.entries()) expect(start - inner[0]!).toBe(k * T);
    expect(starts.at(-1)).toBe(Math.min(inner[0]! + 11 * T, tokens.length - 1 - T));
  }
  expect(epochs[0]![0]).not.toBe(epochs[1]![0]);
});

test("a run on a text goes on from a state to the bit, streams and accumulates; evaluation sees windows side by side", async () => {
  const whole = await losses(cpu);
  const { text: _, ...fixed } = data;
  expect(whole).not.toEqual(await losses(cpu, { data: fixed }));
  expect(await losses(cpu, { maxDataBytes: 200 })).toEqual(whole);
  const [trainer, again, plain] = [
    await createTrainer(cpu, options),
    await createTrainer(cpu, options),
    await createTrainer(cpu, { ...options, data: fixed }),
  ];
  for await (const _ of trainer.run({ steps: 5 }));
  const state = await trainer.state();
  again.restore(state);
  const rest: number[] = [];
  for await (const m of again.run({ steps: 7 })) rest.push(m.loss);
  expect(rest).toEqual(whole.slice(5));
  plain.restore(state);
  trainer.restore(state);
  expect(await trainer.evaluate("train")).toEqual(await plain.evaluate("train"));
  for (const t of [trainer, again, plain]) t.dispose();
  const parts = await losses(cpu, { accumulate: 2 });
  const exact = await losses(referenceBackend("f64"), { accumulate: 2 });
  for (const [i, loss] of parts.entries()) expect(Math.abs(loss - exact[i]!)).toBeLessThan(1e-5);
});

test("a run on a text is written with the text, and one on rows side by side with those", async () => {
  const { text: _, ...fixed } = data;
  for (const rows of [data, fixed]) {
    const trainer = await createTrainer(cpu, { ...options, data: rows });
    const state = await trainer.state();
    const train = exportPytorch(trainer.options, state).get("train.py") as string;
    expect(train.includes("text = data.pop")).toBe(rows === data);
    trainer.dispose();
  }
});

test("on WebGPU, as dispatches and in one kernel, it is the run of the f64 reference", async () => {
  const exact = await losses(referenceBackend("f64"));
  for (const backend of [asDispatches(gpu), onChip(gpu, { form: { width: 4, memory: "storage" } })]) {
    for (const [i, loss] of (await losses(backend)).entries()) expect(Math.abs(loss - exact[i]!)).toBeLessThan(1e-5);
  }
});

test.each<[string, Partial<TrainerOptions>, RegExp]>([
  [
    "a token that is none",
    { data: { ...data, text: rowsOf(tokens.with(63, 9)).text } },
    /token 9 at place 63 is outside/,
  ],
  ["a text of other length", { data: { ...data, text: zeros([9], "i32") } }, /9 tokens does not hold 12 windows of 5/],
  ["numbers", { data: { ...data, text: zeros([64], "f32") } }, /text: must be i32 \[tokens\], got f32 \[64\]/],
])("refuses %s as a text", async (_what, more, message) => {
  await expect(createTrainer(cpu, { ...options, ...more })).rejects.toThrow(message);
});
