import { fileURLToPath } from "node:url";
import { describe, expect, it, test } from "vitest";
import { referenceBackend } from "../../../src/backend/reference/executor.ts";
import { ndarray } from "../../../src/core/ndarray.ts";
import { normals } from "../../../src/core/philox.ts";
import { loadDataFile } from "../../../src/io/dataset/load.ts";
import { exportPytorch } from "../../../src/io/pytorch/export.ts";
import { modelPy } from "../../../src/io/pytorch/model-script.ts";
import { momentNames } from "../../../src/io/pytorch/settings.ts";
import { type TorchRun, trainPy } from "../../../src/io/pytorch/train-script.ts";
import { readSafetensors } from "../../../src/io/safetensors/safetensors.ts";
import { transpose } from "../../../src/io/weights/transpose.ts";
import { readWeights } from "../../../src/io/weights/weights.ts";
import { lossKinds } from "../../../src/nn/loss-kinds.ts";
import { parameterSpecs } from "../../../src/nn/parameter-specs.ts";
import { parseModel } from "../../../src/nn/parse-model.ts";
import { trainingPresets } from "../../../src/nn/presets.ts";
import { optimizerNames } from "../../../src/ops/names.ts";
import { createTrainer } from "../../../src/train/create-trainer.ts";
import type { TrainerOptions } from "../../../src/train/run/options.ts";
import { everyLayer } from "../../shared/every-layer.ts";

const golden = (name: string): string => fileURLToPath(new URL(`../../fixtures/pytorch/${name}`, import.meta.url));
const y = ndarray(
  [12],
  "i32",
  Array.from({ length: 12 }, (_, i) => i % 3),
);
const options: TrainerOptions = {
  model: everyLayer,
  data: { x: ndarray([12, 5], "f32", normals(1, 9, 0, 60)), y },
  test: { x: ndarray([12, 5], "f32", normals(1, 9, 1, 60)), y },
  batch: 8,
  optimizer: { type: "adam", lr: 0.01 },
  seed: 3,
};

describe("an export to PyTorch", async () => {
  const trainer = await createTrainer(referenceBackend("f32"), options);
  for await (const metrics of trainer.run({ steps: 5 })) void metrics;
  const state = await trainer.state();
  const files = exportPytorch(trainer.options, state);
  const bytes = (name: string): Uint8Array => files.get(name) as Uint8Array;

  it("holds weights, moments, steps and rows, and a model file for the way back", async () => {
    const names =
      "model.py train.py rows.py tensors.py model.json model.safetensors optimizer.safetensors data.safetensors";
    expect([...files.keys()]).toEqual(names.split(" "));
    expect(parseModel(JSON.parse(files.get("model.json") as string))).toEqual(everyLayer);
    expect(readWeights(bytes("model.safetensors"), everyLayer)).toEqual(state.parameters);
    const { tensors, metadata } = readSafetensors(bytes("optimizer.safetensors"));
    expect(metadata).toEqual({ step: "5", skipped: "0" });
    expect(tensors.size).toBe(2 * state.parameters.size);
    expect(tensors.get("3.weight.exp_avg")).toEqual(transpose(state.moments[0]!.get("3.weight")!));
    expect(tensors.get("1.bias.exp_avg_sq")).toEqual(state.moments[1]!.get("1.bias"));
    const data = await loadDataFile("data.safetensors", bytes("data.safetensors"));
    expect(data).toMatchObject(options.data);
    expect(readSafetensors(bytes("data.safetensors")).tensors.get("x_test")).toEqual(options.test!.x);
  });

  it("says how many steps were left out, which Adam did not count", () => {
    const cursor = ndarray([4], "u32", [5, 3, 4, 2]);
    const files = exportPytorch(trainer.options, { ...state, cursor });
    const { metadata } = readSafetensors(files.get("optimizer.safetensors") as Uint8Array);
    expect(metadata).toEqual({ step: "5", skipped: "2" });
  });

  it("is refused for a state of another optimizer, and for what it cannot carry", () => {
    const sgd = { ...trainer.options, optimizer: { type: "sgd", lr: 0.1 } as const };
    expect(() => exportPytorch(sgd, state)).toThrow("the state has 2 arrays of the optimizer, sgd has 0");
    expect(() => exportPytorch({ ...trainer.options, magic: 1 } as typeof trainer.options, state)).toThrow(
      "PyTorch export: the option magic is not known there",
    );
  });
});

describe("the files in Python", () => {
  const run: TorchRun = {
    model: everyLayer,
    optimizer: options.optimizer!,
    schedule: { type: "constant" },
    clip: 0,
    batch: 8,
    seed: 3,
    accumulate: 1,
    penalty: null,
    multipliers: null,
    ema: null,
  };
  const { model, optimizer } = trainingPresets["tutorial-as-published"]!;
  const published: TorchRun = { ...run, model, optimizer, batch: "full" };
  const names = parameterSpecs(everyLayer).map((p) => p.name);
  const features: TorchRun = {
    ...run,
    model: { ...everyLayer, classWeights: [1, 2.5, 0.5], labelSmoothing: 0.1 },
    accumulate: 3,
    penalty: { l1: 0.001, l2: 0.01 },
    multipliers: new Map(names.map((name, i) => [name, { lr: i % 2 ? 0.5 : 1, weightDecay: 0 }])),
    ema: { decay: 0.99 },
  };
  const schedule = { type: "cosine", steps: 500, min: 0.001, warmup: 20 } as const;
  it.each<[string, string]>([
    ["every-layer-model.py", modelPy(everyLayer)],
    ["published-model.py", modelPy(model)],
    ["every-layer-train.py", trainPy({ ...run, optimizer: { type: "adamw", lr: 0.01 }, schedule, clip: 0.5 })],
    ["published-train.py", trainPy(published)],
    ["features-model.py", modelPy({ ...everyLayer, classWeights: [1, 2.5, 0.5], labelSmoothing: 0.1 })],
    ["features-train.py", trainPy(features)],
  ])("are, to the letter, %s", async (name, text) => {
    await expect(text).toMatchFileSnapshot(golden(name));
  });

  it("know every optimizer and every loss", async () => {
    for (const type of optimizerNames) {
      const trainer = await createTrainer(referenceBackend("f32"), { ...options, optimizer: { type, lr: 0.01 } });
      expect(momentNames({ type, lr: 0.01 }).length, type).toBe((await trainer.state()).moments.length);
      trainer.dispose();
    }
    for (const loss of Object.keys(lossKinds) as (keyof typeof lossKinds)[]) {
      expect(modelPy({ layers: everyLayer.layers, loss }), loss).toMatch(/^loss_of = nn\.\w+Loss\(|^def loss_of\(/m);
    }
  });
});

describe("a net of any wiring for PyTorch", () => {
  const model = parseModel({
    input: [2, 5, 5],
    layers: [
      { type: "conv2d", in: 2, out: 4, kernel: [3, 1], padding: [1, 0], bias: false, name: "stem.conv" },
      { type: "batchNorm", size: 4, momentum: null },
      { type: "relu", name: "stem.out" },
      { type: "convTranspose2d", in: 4, out: 4, kernel: 1, groups: 2 },
      { type: "add", from: ["stem.out", "3"] },
      {
        type: "pad",
        amounts: [
          [1, 0],
          [0, 2],
        ],
        mode: "reflect",
      },
      { type: "concat", from: ["5", "5"] },
      { type: "maxPool2d", kernel: 2, ceil: true },
      { type: "permute", order: [1, 2, 0] },
      { type: "reshape", shape: [96] },
      { type: "linear", in: 96, out: 3, name: "head" },
    ],
    loss: "crossEntropy",
  });
  const text = modelPy(model);

  it("is a module with the model's names, and says what each layer reads", () => {
    for (const line of [
      '"stem.conv": nn.Conv2d(2, 4, (3, 1), padding=(1, 0), bias=False),',
      '"1": nn.BatchNorm2d(4, eps=0.00001, momentum=None),',
      '"3": nn.ConvTranspose2d(4, 4, 1, groups=2),',
      '"7": nn.MaxPool2d(2, stride=2, ceil_mode=True),',
      'v["4"] = v["stem.out"] + v["3"]',
      'v["5"] = F.pad(v["4"], [0, 2, 1, 0], mode="reflect")',
      'v["6"] = torch.cat([v["5"], v["5"]], 1)',
      'v["8"] = v["7"].permute(0, 2, 3, 1)',
      'v["9"] = v["8"].reshape(-1, 96)',
      'return v["head"]',
    ])
      expect(text).toContain(line);
    expect(text).toContain("import torch\nimport torch.nn.functional as F\nfrom torch import nn");
  });

  it("is an nn.Sequential where it can be", () => {
    const chain = parseModel({
      input: [1, 4, 4],
      layers: [
        { type: "conv2d", in: 1, out: 2, kernel: 3 },
        { type: "hardSwish" },
        { type: "flatten" },
        { type: "linear", in: 8, out: 2 },
      ],
      loss: "mse",
    });
    expect(modelPy(chain)).toContain(`    return nn.Sequential(
        nn.Conv2d(1, 2, 3),
        nn.Hardswish(),
        nn.Flatten(),
        nn.Linear(8, 2),
    )`);
  });
});

test("a run on a text has the text once, and draws its windows as here", async () => {
  const layers = [
    { type: "embedding", vocabulary: 5, size: 4 },
    { type: "attention", size: 4, heads: 2, causal: true, dropout: 0.1 },
    { type: "linear", in: 4, out: 5 },
  ];
  const model = parseModel({ input: [3], layers, loss: "crossEntropy" });
  const text = ndarray(
    [13],
    "i32",
    Array.from({ length: 13 }, (_, i) => (i * i) % 5),
  );
  const [x, y] = [0, 1].map((from) => ndarray([4, 3], "i32", text.data.subarray(from, from + 12)));
  const trainer = await createTrainer(referenceBackend("f32"), {
    ...{ model, data: { x: x!, y: y!, text }, batch: 2, optimizer: { type: "sgd", lr: 0.1 } },
  });
  const files = exportPytorch(trainer.options, await trainer.state());
  const { tensors } = readSafetensors(files.get("data.safetensors") as Uint8Array);
  expect([...tensors.keys()]).toEqual(["text"]);
  const train = files.get("train.py") as string;
  for (const line of [
    "LENGTH = 3  # tokens of a window",
    'DROPS = [(1, "1.drop")]  # dropout layers',
    "begin = windows_of_step(rows, step, len(x), LENGTH, len(text), SEED)",
    "loss = loss_of(p, text[at[here] + 1]) * share",
  ]) {
    expect(train).toContain(line);
  }
  expect(files.get("rows.py")).toContain("def windows_of_step(rows, step, windows, length, tokens, seed):");
  expect(files.get("model.py")).toContain("GroupedAttention(4, 2, 2, causal=True, bias=True, dropout=0.1, base=None)");
  trainer.dispose();
});
