import { beforeAll, expect, test } from "vitest";
import { checkGradients } from "../../src/check/gradients.ts";
import { type NdArray, ndarray } from "../../src/core/ndarray.ts";
import { splitBySeed } from "../../src/data/split.ts";
import { createTrainer, initialise, type ModelSpec, type TrainerOptions } from "../../src/index.ts";
import { runIdentity } from "../../src/io/checkpoint/run-identity.ts";
import { loadDataSplit, loadInputLengths } from "../../src/io/dataset/load.ts";
import { writeNpz } from "../../src/io/numpy/npz.ts";
import { exportPytorch } from "../../src/io/pytorch/export.ts";
import { readSafetensors } from "../../src/io/safetensors/safetensors.ts";
import { register } from "../../src/nn/layers/known.ts";
import type { LayerSpec } from "../../src/nn/layers/spec.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { lastStep } from "../../src/ops/recurrent/steps.ts";

/** Rows of four tokens, of which so many count: what stands behind them must not matter to a net that looks at the last. */
const LENGTHS = Int32Array.from({ length: 24 }, (_, i) => 1 + (i % 4));
const lengths = ndarray([24], "i32", LENGTHS);
const tokens = (behind: number): NdArray =>
  ndarray(
    [24, 4],
    "i32",
    Int32Array.from({ length: 96 }, (_, i) => (i % 4 < LENGTHS[i >> 2]! ? (i * 5) % 6 : behind)),
  );
const y = ndarray(
  [24],
  "i32",
  Int32Array.from(LENGTHS, (l, row) => ((row * 4 + l - 1) * 5) % 6),
);
let model: ModelSpec;
const data = (behind: number) => ({ x: tokens(behind), y, lengths });

beforeAll(() => {
  register({
    type: "theLast",
    read: (f) => f.only() ?? {},
    shape: (_layer, [x]) => [x![1]!],
    forward: async ({ g, name, lengths: counted }, _layer, [x]) =>
      g.one(lastStep, counted ? [x!, counted] : [x!], null, name),
  });
  const last = { type: "theLast" } as unknown as LayerSpec;
  model = parseModel({
    input: [4],
    layers: [{ type: "embedding", vocabulary: 7, size: 5 }, last, { type: "linear", in: 5, out: 6 }],
    loss: "crossEntropy",
  });
});

async function losses(behind: number, more: Partial<TrainerOptions>) {
  const optimizer = { type: "adam", lr: 0.05 } as const;
  const trainer = await createTrainer({
    model,
    data: data(behind),
    test: data(behind),
    optimizer,
    batch: 5,
    gpu: null,
    ...more,
  });
  const found: number[] = [];
  for await (const { loss } of trainer.run({ steps: 30 })) found.push(loss);
  const evaluation = await trainer.evaluate();
  const outputs = await trainer.predict(tokens(behind), { lengths });
  const plain = await trainer.predict(tokens(behind));
  const gradients = await trainer.gradients(tokens(behind), y, { lengths });
  const forward = await trainer.forward(tokens(behind), { lengths });
  trainer.dispose();
  return { found, evaluation, outputs, plain, gradients, forward };
}

test.each<[string, Partial<TrainerOptions>]>([
  ["batches", {}],
  ["all rows", { batch: "full" }],
  ["several batches a step", { accumulate: 2 }],
  ["rows that stream", { maxDataBytes: 200 }],
])("what stands behind a row's length changes nothing: %s", async (_what, more) => {
  const [one, other] = [await losses(6, more), await losses(0, more)];
  expect(other.found).toEqual(one.found);
  expect(one.found.at(-1)!).toBeLessThan(one.found[0]! / 3);
  expect(other.evaluation).toEqual(one.evaluation);
  expect(other.outputs).toEqual(one.outputs);
  expect(one.forward).toEqual(one.outputs);
  expect(other.gradients.parameters).toEqual(one.gradients.parameters);
  // Without lengths the last step is the last of all.
  expect(other.plain).not.toEqual(one.plain);
  if (!more.batch && !more.accumulate) expect(one.found).toEqual((await losses(6, {})).found);
});

test("lengths that are none are refused by their row", async () => {
  const make = (values: readonly number[], n = values.length) =>
    createTrainer({ model, data: { ...data(0), lengths: ndarray([n], "i32", values) }, gpu: null });
  const with7 = (v: number): number[] => Array.from(LENGTHS, (l, i) => (i === 7 ? v : l));
  await expect(make(with7(5))).rejects.toThrow(/row 7 has the length 5, and rows have 4 steps/);
  await expect(make(with7(-1))).rejects.toThrow(/row 7 has the length -1/);
  await expect(make([1, 2])).rejects.toThrow(/lengths \[2\] for 24 rows/);
});

test("gradients with lengths agree with finite differences; they are part of a run's identity", async () => {
  const report = await checkGradients({ model, weights: initialise(model, 1), ...data(6), backend: null });
  expect(report.pass).toBe(true);
  const trainer = await createTrainer({ model, data: data(6), gpu: null });
  const state = await trainer.state();
  // A layer that says nothing of lengths is not told of them.
  expect(exportPytorch(trainer.options, state).get("model.py")).not.toContain("lengths");
  const others = {
    ...trainer.options,
    data: {
      ...data(6),
      lengths: ndarray(
        [24],
        "i32",
        LENGTHS.map(() => 1),
      ),
    },
  };
  expect(await runIdentity(others)).not.toEqual(await runIdentity(trainer.options));
  trainer.dispose();
});

test("an npz may hold lengths, which are divided with the rows", async () => {
  const file = writeNpz([
    ["x", tokens(0)],
    ["y", y],
    ["lengths", lengths],
  ]);
  const { train } = await loadDataSplit("t.npz", file);
  expect(train.lengths).toEqual(lengths);
  expect(await loadInputLengths("t.npz", file)).toEqual(lengths);
  const split = splitBySeed(train, 0.25, 1);
  for (const part of [split.train, split.test!]) {
    expect([...part.y.data]).toEqual(Array.from(part.lengths!.data, (l, row) => part.x.data[row * 4 + l - 1]));
  }
  const wrong = writeNpz([
    ["x", tokens(0)],
    ["y", y],
    ["lengths", ndarray([24], "f32", new Float32Array(24).fill(0.5))],
  ]);
  await expect(loadDataSplit("t.npz", wrong)).rejects.toThrow(/"lengths": row 0 holds 0.5/);
});

test("PyTorch is told how many steps of each row count, where a layer looks at them", async () => {
  const layers = [
    { type: "embedding", vocabulary: 7, size: 4 },
    { type: "lstm", in: 4, out: 4, bidirectional: true },
    { type: "attention", size: 8, heads: 2, mask: "lengths" },
    { type: "meanSteps" },
    { type: "linear", in: 8, out: 6 },
  ];
  const net = parseModel({ input: [4], layers, loss: "crossEntropy" });
  const { lengths: _, ...whole } = data(6);
  const trainer = await createTrainer({ model: net, data: data(6), test: whole, batch: 5, gpu: null });
  const files = exportPytorch(trainer.options, await trainer.state());
  trainer.dispose();
  for (const line of [
    "def forward(self, x, lengths):",
    'v["1"] = packed(self.at("1"), v["0"], lengths)',
    'v["2"] = self.at("2")(v["1"], lengths)',
    'v["3"] = mean_steps(v["2"], lengths)',
    "GroupedAttention(8, 2, 2, causal=False, bias=True, dropout=0, base=None)",
  ]) {
    expect(files.get("model.py")).toContain(line);
  }
  for (const line of ["shared(x[mine], lengths[mine])", 'lengths = data["lengths"]', 'data["lengths" + suffix]']) {
    expect(files.get("train.py")).toContain(line);
  }
  const { tensors } = readSafetensors(files.get("data.safetensors") as Uint8Array);
  expect(tensors.get("lengths")).toEqual(lengths);
  // Of rows that say nothing all steps count.
  expect([...new Set(tensors.get("lengths_test")!.data)]).toEqual([4]);
});
