import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cpuBackend } from "../../src/backend/cpu.ts";
import type { Backend } from "../../src/backend/executor.ts";
import { ndarray } from "../../src/core/ndarray.ts";
import { readNpy, writeNpy } from "../../src/io/numpy/npy.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import { matmul, outerProduct } from "../../src/train/passes/products.ts";

/** Options and rows that those who write JavaScript may give: a plain error, before any work, or what they mean. */
const model = parseModel({
  layers: [{ type: "linear", in: 2, out: 4 }, { type: "tanh" }, { type: "linear", in: 4, out: 2 }],
  loss: "crossEntropy",
});
const x = ndarray([4, 2], "f32", [0, 0, 0, 1, 1, 0, 1, 1]);
const y = ndarray([4], "i32", [0, 1, 1, 0]);
const given = { model, data: { x, y }, batch: 2 };

let backend: Backend;
beforeAll(async () => {
  backend = await cpuBackend();
});
afterAll(() => backend.dispose());

const refusal = (code: string, message: RegExp) => ({
  name: "ChainruleError",
  code,
  message: expect.stringMatching(message),
});

describe("createTrainer", () => {
  test.each<[string, unknown, string, RegExp]>([
    [
      "an option that is none",
      { ...given, learningRate: 1 },
      "usage",
      /unknown option "learningRate"; known are model/,
    ],
    ["no model", { data: given.data }, "model", /a model is needed/],
    ["no rows", { model }, "data", /rows { x, y } are needed/],
    ["no targets", { model, data: { x } }, "data", /rows { x, y } are needed/],
    ["lists", { model, data: { x: [[0, 0]], y: [0] } }, "data", /training data: y is no array as ndarray/],
    ["bare numbers", { model, data: { x: x.data, y } }, "data", /training data: x is no array as ndarray/],
    ["too few numbers", { model, data: { x: { ...x, shape: [5, 2] }, y } }, "data", /x is no array as ndarray/],
    [
      "a type that is none",
      { model, data: { x: { ...x, dtype: "f128", data: [1, 2, 3, 4, 5, 6, 7, 8] }, y } },
      "data",
      /x is no/,
    ],
    [
      "a list in an array",
      { model, data: { x: { ...x, data: [1, 2, 3, 4, 5, 6, 7, 8] }, y } },
      "data",
      /x is no array/,
    ],
    ["another kind of numbers", { model, data: { x: { ...x, dtype: "i32" }, y } }, "data", /x is no array/],
    ["nothing", null, "usage", /an object of options is needed, got null/],
    ["a schedule that is none", { ...given, schedule: { type: "cosin" } }, "usage", /unknown schedule "cosin"; known/],
    [
      "a slip in a schedule",
      { ...given, schedule: { type: "cosine", steps: 9, mn: 0 } },
      "usage",
      /option "mn"; known/,
    ],
    [
      "a slip in an optimizer",
      { ...given, optimizer: { type: "adam", lr: 0.1, weightdecay: 1 } },
      "usage",
      /optimizer: unknown option "weightdecay"; known are type, lr, momentum/,
    ],
    [
      "a slip in a penalty",
      { ...given, penalty: { L2: 1 } },
      "usage",
      /penalty: unknown option "L2"; known are l1, l2/,
    ],
    ["a slip in an average", { ...given, ema: { decay: 0.9, dekay: 1 } }, "usage", /ema: unknown option "dekay"/],
    ["a slip in a group", { ...given, groups: [{ match: "bias", LR: 0 }] }, "usage", /groups: unknown option "LR"/],
    ["groups that are no list", { ...given, groups: {} }, "usage", /groups: a list is needed/],
    [
      "an initialiser that is none",
      { ...given, init: "glorot" },
      "usage",
      /init must be "uniform01" or .*got "glorot"/,
    ],
    ["weights that are no Map", { ...given, weights: {} }, "usage", /weights: a Map of arrays by name is needed/],
    ["a chunk of less than nothing", { ...given, maxDataBytes: -5 }, "usage", /maxDataBytes must be above 0, got -5/],
  ])("refuses %s, with a backend and without", async (_what, options, code, message) => {
    const wrong = options as typeof given;
    await expect(createTrainer(wrong)).rejects.toMatchObject(refusal(code, message));
    if (wrong) await expect(createTrainer(backend, wrong)).rejects.toMatchObject(refusal(code, message));
  });
});

test.each<[string, object, RegExp]>([
  ["a slip in recovery", { recovery: { onlost: "cpu" } }, /recovery: unknown option "onlost"; known are onLost/],
  ["recovery by what there is not", { recovery: { onLost: "gpu" } }, /onLost must be "cpu" or "wait" or "stop"/],
  ["a GPU that is none", { gpu: {} }, /gpu: navigator\.gpu is needed/],
  ["a GPU's name", { gpu: "nvidia" }, /gpu: navigator\.gpu is needed/],
])("createTrainer refuses %s", async (_what, options, message) => {
  await expect(createTrainer({ ...given, ...options })).rejects.toMatchObject(refusal("usage", message));
});

describe("createTrainer with something else in the place of a backend", () => {
  const first: [unknown, RegExp][] = [
    ["webgpu", /a backend is needed before the options, await webgpuBackend\(gpu\) or .*; got "webgpu"/],
    [null, /a backend is needed .*; got null/],
    [undefined, /a backend is needed .*; got undefined/],
    [{ gpu: null }, /a backend is needed .*; got \{"gpu":null\}/],
    [cpuBackend(), /a backend is needed .*; a promise of one: await it/],
  ];
  test.each(first)("says so: %s", async (wrong, message) => {
    await expect(createTrainer(wrong as Backend, given)).rejects.toMatchObject(refusal("usage", message));
    if (wrong instanceof Promise) (await wrong).dispose();
  });

  test("and what is missing behind one", async () => {
    const missing = refusal("usage", /options are needed behind the backend, got undefined/);
    await expect(createTrainer(backend as never)).rejects.toMatchObject(missing);
    await expect(createTrainer(backend, null as never)).rejects.toMatchObject(refusal("usage", /backend, got null/));
  });
});

test("whole numbers are inputs and labels as they are, of whatever type", async () => {
  const lossOf = async (rows: typeof given.data): Promise<number> => {
    const made = await createTrainer(backend, { ...given, data: rows });
    const { loss } = await made.step();
    made.dispose();
    return loss;
  };
  const exact = await lossOf(given.data);
  for (const dtype of ["i32", "u32", "f64"] as const) {
    expect(await lossOf({ x: ndarray(x.shape, dtype, x.data), y }), dtype).toBe(exact);
    expect(await lossOf({ x, y: ndarray(y.shape, dtype, y.data) }), `labels ${dtype}`).toBe(exact);
    const two = ndarray([1, 1], dtype, [2]);
    expect([...(await matmul(backend, two, ndarray([1, 1], "f32", [1.5]))).data], dtype).toEqual([3]);
    expect([...(await outerProduct(backend, ndarray([1], dtype, [2]), two)).data], dtype).toEqual([4]);
  }
});

test("arrays and bytes that another realm made are arrays and bytes", async () => {
  const there = <T>(code: string): T => runInNewContext(code) as T;
  const data = there<Float32Array>("new Float32Array([0, 0, 0, 1, 1, 0, 1, 1])");
  expect(data instanceof Float32Array).toBe(false);
  const made = await createTrainer(backend, { ...given, data: { x: { ...x, data }, y } });
  expect((await made.step()).loss).toBeGreaterThan(0);
  made.dispose();
  const bytes = writeNpy(x);
  const copy = there<(length: number) => Uint8Array>("(length) => new Uint8Array(length)")(bytes.length);
  copy.set(bytes);
  expect(readNpy(copy)).toEqual(x);
});
