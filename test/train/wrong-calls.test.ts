import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cpuBackend } from "../../src/backend/cpu.ts";
import type { Backend } from "../../src/backend/executor.ts";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { checkGradients } from "../../src/check/gradients.ts";
import { ndarray } from "../../src/core/ndarray.ts";
import { decodeCheckpoint } from "../../src/io/checkpoint/checkpoint.ts";
import { loadDataFile } from "../../src/io/dataset/load.ts";
import { readNpy, writeNpy } from "../../src/io/numpy/npy.ts";
import { readNpz, writeNpz } from "../../src/io/numpy/npz.ts";
import { readOnnx } from "../../src/io/onnx/read.ts";
import { writeOnnx } from "../../src/io/onnx/write.ts";
import { readSafetensors, writeSafetensors } from "../../src/io/safetensors/safetensors.ts";
import { writeWeights } from "../../src/io/weights/weights.ts";
import { balancedClassWeights } from "../../src/nn/class-weights.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import { runWithValidation } from "../../src/train/evaluation/validation.ts";
import { findLearningRate } from "../../src/train/find-learning-rate.ts";
import { matmul, outerProduct } from "../../src/train/passes/products.ts";
import type { RunOptions, Trainer } from "../../src/train/trainer.ts";

/** Calls that those who write JavaScript may make, and no type keeps from arriving: a plain error, before any work. */
const model = parseModel({
  layers: [{ type: "linear", in: 2, out: 4 }, { type: "tanh" }, { type: "linear", in: 4, out: 2 }],
  loss: "crossEntropy",
});
const x = ndarray([4, 2], "f32", [0, 0, 0, 1, 1, 0, 1, 1]);
const y = ndarray([4], "i32", [0, 1, 1, 0]);
const given = { model, data: { x, y }, batch: 2 };

let backend: Backend;
let trainer: Trainer;
beforeAll(async () => {
  backend = await cpuBackend();
  trainer = await createTrainer(backend, given);
});
afterAll(() => {
  trainer.dispose();
  backend.dispose();
});

const refusal = (code: string, message: RegExp) => ({
  name: "ChainruleError",
  code,
  message: expect.stringMatching(message),
});
async function stepsOf(options: unknown, of = trainer): Promise<number[]> {
  const steps: number[] = [];
  for await (const { step } of of.run(options as RunOptions)) steps.push(step);
  return steps;
}

describe("run", () => {
  test.each<[unknown, RegExp]>([
    [{ steps: -1 }, /steps must be a whole number from 0 up, got -1/],
    [{ steps: 1.5 }, /got 1\.5/],
    [{ steps: Number.NaN }, /got NaN/],
    [{ steps: "3" }, /got "3"/],
    [{}, /steps must be .* got undefined/],
    [{ steps: 3, logEvery: 0 }, /logEvery must be a whole number from 1 up, got 0/],
    [{ steps: 3, logevery: 2 }, /unknown option "logevery"; known are steps, logEvery/],
    [{ steps: 3, onNotFinite: "halve" }, /onNotFinite must be "stop" or "skip", got "halve"/],
    [10, /an object of options is needed, got 10|steps must be .* got undefined/],
  ])("refuses %o before a step is taken", async (options, message) => {
    const before = trainer.stepsTaken;
    expect(() => trainer.run(options as RunOptions)).toThrow(expect.objectContaining(refusal("usage", message)));
    const validated = runWithValidation(trainer, options as RunOptions);
    await expect(Promise.resolve().then(() => validated.next())).rejects.toMatchObject(refusal("usage", message));
    expect(trainer.stepsTaken).toBe(before);
  });

  test("takes no steps where none are asked for, and any number until its signal is given", async () => {
    const before = trainer.stepsTaken;
    expect(await stepsOf({ steps: 0 })).toEqual([]);
    expect(trainer.stepsTaken).toBe(before);
    const abort = new AbortController();
    for await (const { step } of trainer.run({ steps: Number.POSITIVE_INFINITY, signal: abort.signal })) {
      if (step >= before + 20) abort.abort();
    }
    expect(trainer.stepsTaken).toBeGreaterThanOrEqual(before + 20);
    expect(await stepsOf({ steps: 2 })).toEqual([trainer.stepsTaken - 1, trainer.stepsTaken]);
  });

  test("is refused in the midst of another, as is one step; that other goes on undisturbed", async () => {
    const [alone, disturbed] = [await createTrainer(backend, given), await createTrainer(backend, given)];
    const underWay = refusal("usage", /another run is under way: leave its loop/);
    const losses: number[][] = [[], []];
    for await (const { loss } of alone.run({ steps: 30 })) losses[0]!.push(loss);
    for await (const { loss, step } of disturbed.run({ steps: 30 })) {
      losses[1]!.push(loss);
      if (step !== 7) continue;
      await expect(stepsOf({ steps: 5 }, disturbed)).rejects.toMatchObject(underWay);
      await expect(disturbed.step()).rejects.toMatchObject(underWay);
    }
    expect(losses[1]).toEqual(losses[0]);
    // Left, or ended by an error, it is under way no more.
    for await (const _metrics of disturbed.run({ steps: 30 })) break;
    const at = disturbed.stepsTaken;
    expect(await stepsOf({ steps: 2 }, disturbed)).toEqual([at + 1, at + 2]);
    alone.dispose();
    disturbed.dispose();
  });
});

test.each<[string, () => unknown, string, RegExp]>([
  [
    "evaluate, a set that there is none of",
    () => trainer.evaluate("tset" as "test"),
    "usage",
    /"train" or "test", got "tset"/,
  ],
  [
    "evaluate, rows without targets",
    () => trainer.evaluate({ x } as typeof given.data),
    "data",
    /rows { x, y } are needed/,
  ],
  ["predict, lists", () => trainer.predict([[0, 1]] as never), "data", /predict: x is no array/],
  [
    "predict, weights that there are none of",
    () => trainer.predict(x, { weights: "best" as "last" }),
    "usage",
    /"last" or "average"/,
  ],
  ["parameters, likewise", () => trainer.parameters("best" as "last"), "usage", /"last" or "average", got "best"/],
  ["gradients without targets", () => trainer.gradients(x, undefined as never), "data", /gradients: y is no array/],
  ["backward without a derivative", () => trainer.backward(x, undefined as never), "data", /backward: dy is no array/],
  ["restore, something else", () => trainer.restore({} as never), "file", /no state of a run/],
  ["restore, nothing", () => trainer.restore(null as never), "file", /no state of a run/],
  [
    "matmul of lists",
    () => matmul(backend, [[1]] as never, [[2]] as never),
    "data",
    /matmul: what was given is no array/,
  ],
  ["outerProduct of nothing", () => outerProduct(backend, x, undefined as never), "data", /no array as ndarray/],
  ["findLearningRate, a slip", () => findLearningRate(backend, given, { step: 9 } as never), "usage", /option "step"/],
  ["checkGradients of nothing", () => checkGradients({} as never), "model", /a model is needed/],
  ["referenceBackend in halves", () => referenceBackend("f16" as never), "usage", /"f32" or "f64", got "f16"/],
  ["wasmBackend with no threads", () => wasmBackend({ threads: 0 }), "usage", /threads must be a whole number from 1/],
  [
    "balancedClassWeights, a label beyond",
    () => balancedClassWeights(y, 1),
    "data",
    /label 1 is outside the 1 classes/,
  ],
  [
    "readNpz of a buffer",
    () => readNpz(new ArrayBuffer(9) as never),
    "usage",
    /zip: a file's bytes are needed as a Uint8/,
  ],
  ["readNpy of a path", () => readNpy("a.npy" as never), "usage", /npy: a file's bytes are needed/],
  ["readSafetensors of a buffer", () => readSafetensors(new ArrayBuffer(9) as never), "usage", /a file's bytes/],
  ["decodeCheckpoint of a path", () => decodeCheckpoint("run" as never), "usage", /checkpoint: a file's bytes/],
  [
    "loadDataFile of a buffer",
    () => loadDataFile("a.csv", new ArrayBuffer(9) as never),
    "usage",
    /a\.csv: a file's bytes/,
  ],
  ["importNet of a buffer", () => readOnnx(new ArrayBuffer(9) as never), "usage", /onnx: a file's bytes/],
  ["writeNpz of an object", () => writeNpz({ a: x } as never), "usage", /npz: arrays by name are needed as a Map/],
  ["writeSafetensors of an object", () => writeSafetensors({ a: x } as never), "usage", /safetensors: arrays by name/],
  ["writeNpy of a list", () => writeNpy([1, 2] as never), "usage", /npy: an array as ndarray/],
  [
    "writeWeights, some missing",
    () => writeWeights(model, new Map()),
    "file",
    /weights: 0\.weight \[2, 4\] is missing/,
  ],
  ["writeOnnx without weights", () => writeOnnx(model, undefined as never), "usage", /weights: a Map of arrays/],
])("refuses %s", async (_what, ask, code, message) => {
  await expect(Promise.resolve().then(ask)).rejects.toMatchObject(refusal(code, message));
});

test("refuses a state with an array cut short, and stays as it is", async () => {
  const state = await trainer.state();
  const cut = new Map(state.parameters).set("0.weight", {
    ...state.parameters.get("0.weight")!,
    data: new Float32Array(3),
  });
  const message = /the state's 0\.weight is no array/;
  expect(() => trainer.restore({ ...state, parameters: cut })).toThrow(
    expect.objectContaining(refusal("file", message)),
  );
  const step = /the state's step must be a whole number from 0 up, got -1/;
  expect(() => trainer.restore({ ...state, step: -1 })).toThrow(expect.objectContaining(refusal("usage", step)));
  expect(await trainer.state()).toEqual(state);
});
