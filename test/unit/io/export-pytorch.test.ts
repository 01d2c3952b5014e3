import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { referenceBackend } from "../../../src/backend/reference/executor.ts";
import { ndarray } from "../../../src/core/ndarray.ts";
import { normals } from "../../../src/core/philox.ts";
import { loadDataFile } from "../../../src/io/dataset/load.ts";
import { exportPytorch } from "../../../src/io/pytorch/export.ts";
import { modelPy } from "../../../src/io/pytorch/model-script.ts";
import { momentNames } from "../../../src/io/pytorch/settings.ts";
import { type TorchRun, trainPy } from "../../../src/io/pytorch/train-script.ts";
import { readSafetensors } from "../../../src/io/safetensors/safetensors.ts";
import { readWeights, transpose } from "../../../src/io/weights/weights.ts";
import { lossKinds } from "../../../src/nn/loss-kinds.ts";
import { parseModel } from "../../../src/nn/model.ts";
import { parameterSpecs } from "../../../src/nn/parameter-specs.ts";
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
