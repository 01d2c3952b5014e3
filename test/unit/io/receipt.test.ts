import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { referenceBackend } from "../../../src/backend/reference/executor.ts";
import { type NdArray, ndarray } from "../../../src/core/ndarray.ts";
import { permute } from "../../../src/core/permute.ts";
import { normals } from "../../../src/core/philox.ts";
import { makeReceipt } from "../../../src/io/receipt/receipt.ts";
import { type ReceiptRun, receiptScript } from "../../../src/io/receipt/script.ts";
import { parseModel } from "../../../src/nn/parse-model.ts";
import { trainingPresets } from "../../../src/nn/presets.ts";
import { createTrainer } from "../../../src/train/create-trainer.ts";
import type { TrainerOptions } from "../../../src/train/run/options.ts";
import { everyLayer } from "../../shared/every-layer.ts";

const golden = (name: string): string => fileURLToPath(new URL(`../../fixtures/receipt/${name}`, import.meta.url));

const x = ndarray([20, 5], "f32", normals(1, 9, 0, 100));
const y = ndarray(
  [20],
  "i32",
  Array.from({ length: 20 }, (_, i) => (i * 7) % 3),
);
const options: TrainerOptions = {
  model: everyLayer,
  data: { x, y },
  batch: 8,
  optimizer: { type: "adamw", lr: 0.01 },
  schedule: { type: "cosine", steps: 100, warmup: 10 },
  clip: 0.05,
  seed: 3,
};

/** Largest difference over the largest value. */
function off(a: NdArray, b: NdArray): number {
  let [difference, largest] = [0, 1e-30];
  for (let i = 0; i < a.data.length; i++) {
    difference = Math.max(difference, Math.abs(a.data[i]! - b.data[i]!));
    largest = Math.max(largest, Math.abs(b.data[i]!));
  }
  return difference / largest;
}

/** aT b, in plain loops: a [rows, n], b [rows, m]. */
function transposeTimes(a: NdArray, b: NdArray): NdArray {
  const [rows, n] = a.shape as [number, number];
  const m = b.shape[1]!;
  const out = new Float64Array(n * m);
  for (let r = 0; r < rows; r++)
    for (let i = 0; i < n; i++) for (let j = 0; j < m; j++) out[i * m + j]! += a.data[r * n + i]! * b.data[r * m + j]!;
  return ndarray([n, m], "f64", out);
}

describe("a receipt", async () => {
  const { arrays, script } = await makeReceipt(referenceBackend("f32"), options);
  const at = (name: string): NdArray => arrays.get(name)!;

  it("holds the first batch of the run, and what the trainer makes of it", async () => {
    const rows = Array.from({ length: 8 }, (_, i) => permute(3, 0, i, 20));
    expect([...at("rows").data]).toEqual(rows);
    expect([...at("x").data]).toEqual(rows.flatMap((row) => [...x.data.slice(row * 5, row * 5 + 5)]));
    expect([...at("y").data]).toEqual(rows.map((row) => y.data[row]));
    const trainer = await createTrainer(referenceBackend("f32"), options);
    for await (const { loss, learningRate, gradientNorm } of trainer.run({ steps: 1 })) {
      expect(Math.abs(at("loss").data[0]! / loss - 1)).toBeLessThan(1e-6);
      expect(Math.abs(at("lr").data[0]! / learningRate - 1)).toBeLessThan(1e-6);
      expect(Math.abs(at("norm").data[0]! / gradientNorm - 1)).toBeLessThan(1e-6);
    }
    const after = await trainer.parameters();
    expect(off(at("W0_new"), after.get("0.weight")!)).toBeLessThan(1e-6);
    expect(off(at("gamma1_new"), after.get("1.weight")!)).toBeLessThan(1e-6);
    expect(off(at("b20_new"), after.get("20.bias")!)).toBeLessThan(1e-6);
    trainer.dispose();
  });

  it("names every value and every derivative for what it is", () => {
    const layers = everyLayer.layers.map((_, i) => i);
    for (const i of layers) {
      expect(at(`a${i}`).shape, `a${i}`).toEqual(at(`da${i}`).shape);
      const { type } = everyLayer.layers[i]!;
      const input = i === 0 ? at("x") : at(`a${i - 1}`);
      if (type === "linear")
        expect(off(transposeTimes(input, at(`da${i}`)), at(`dW${i}`)), `dW${i}`).toBeLessThan(1e-6);
      if (type !== "linear" && type !== "layerNorm") expect(off(at(`a${i}`), input), `a${i}`).toBeGreaterThan(1e-3);
    }
    const relu = at("da18").data.map((d, i) => d - (at("a18").data[i]! > 0 ? at("da19").data[i]! : 0));
    expect(relu.every((d) => d === 0)).toBe(true);
    const dropped = at("a5").data.map((v, i) => v - (at("mask5").data[i]! * at("a4").data[i]!) / 0.7);
    expect(dropped.every((d) => Math.abs(d) < 1e-6)).toBe(true);
    expect(new Set(at("mask5").data)).toEqual(new Set([0, 1]));
    expect(at("mean1").shape).toEqual([8, 1]);
  });

  it("agrees with f64 in every array", async () => {
    const exact = await makeReceipt(referenceBackend("f64"), options);
    expect([...exact.arrays.keys()]).toEqual([...arrays.keys()]);
    for (const [name, value] of arrays) expect(off(value, exact.arrays.get(name)!), name).toBeLessThan(2e-5);
  });

  it("comes with a script that names all its arrays", () => {
    for (const name of arrays.keys()) expect(script, name).toMatch(new RegExp(`\\b${name}\\b`));
  });

  it("is refused for a step that is not finite", async () => {
    const wild = { ...options, data: { x: ndarray([20, 5], "f32", new Float32Array(100).fill(3e38)), y } };
    await expect(makeReceipt(referenceBackend("f32"), wild)).rejects.toMatchObject({ code: "not-finite" });
  });

  it("leaves out derivatives in front of the first weights, which nothing needs", async () => {
    const model = parseModel({ layers: [{ type: "relu" }, { type: "linear", in: 5, out: 3 }], loss: "crossEntropy" });
    const { arrays, script } = await makeReceipt(referenceBackend("f32"), { ...options, model });
    expect([arrays.has("da1"), arrays.has("a0"), arrays.has("da0")]).toEqual([true, true, false]);
    expect(script).not.toContain("da0 =");
  });
});

/** A residual sum, a pool whose windows overlap, and a prelu, with names as PyTorch has them. */
const wired = parseModel({
  input: [1, 6, 5],
  layers: [
    { type: "conv2d", in: 1, out: 2, kernel: 3, padding: 1, name: "stem.conv" },
    { type: "batchNorm", size: 2, name: "stem.norm" },
    { type: "prelu", size: 2 },
    { type: "add", from: ["stem.conv", "2"] },
    { type: "maxPool2d", kernel: 3, stride: 2 },
    { type: "flatten" },
    { type: "linear", in: 8, out: 3, name: "head" },
  ],
  loss: "crossEntropy",
});

describe("a receipt of a net of any wiring", () => {
  const data = { x: ndarray([20, 30], "f32", normals(1, 9, 0, 600)), y };
  const of = (precision: "f32" | "f64") => makeReceipt(referenceBackend(precision), { ...options, model: wired, data });

  it("agrees with f64 in every array, all of which its script names", async () => {
    const [{ arrays, script }, exact] = await Promise.all([of("f32"), of("f64")]);
    expect([...arrays.keys()]).toContain("dslope2");
    expect(arrays.get("da0")!.shape).toEqual([8, 2, 6, 5]);
    for (const [name, value] of arrays) {
      expect(off(value, exact.arrays.get(name)!), name).toBeLessThan(2e-5);
      expect(script, name).toMatch(new RegExp(`\\b${name}\\b`));
    }
    // Two layers read the convolution's value: its derivative is the sum of theirs.
    expect(script).toMatch(/^ {4}da0 = da3 /m);
    expect(script).toMatch(/^ {4}da0 = da0 \+ rstd1 \* /m);
  });

  it("has a class for each place, and leaves out what does not count", async () => {
    const layers = [{ type: "conv2d", in: 1, out: 3, kernel: 1 }];
    const places = parseModel({ input: [1, 6, 5], layers, loss: "crossEntropy" });
    const classes = ndarray(
      [20, 6, 5],
      "i32",
      Array.from({ length: 600 }, (_, i) => (i % 4 === 3 ? -100 : i % 4)),
    );
    const { arrays, script } = await makeReceipt(referenceBackend("f32"), {
      ...{ ...options, model: places, data: { x: data.x, y: classes } },
    });
    expect(Math.min(...arrays.get("y")!.data)).toBeLessThan(0);
    for (const line of [
      "p = np.moveaxis(a0, 1, -1).reshape(-1, 3)",
      "each = np.flatnonzero(y >= 0)",
      "dp = dp * (y >= 0)[:, None] / len(each)",
      "da0 = np.moveaxis(dp.reshape(len(x), 6, 5, 3), -1, 1)",
    ]) {
      expect(script).toContain(line);
    }
  });

  it("of a text holds the windows that its first step draws", async () => {
    const layers = [
      { type: "embedding", vocabulary: 5, size: 4 },
      { type: "linear", in: 4, out: 5 },
    ];
    const model = parseModel({ input: [3], layers, loss: "crossEntropy" });
    const text = ndarray(
      [31],
      "i32",
      Array.from({ length: 31 }, (_, i) => (i * i) % 5),
    );
    const [x, next] = [0, 1].map((from) => ndarray([10, 3], "i32", text.data.subarray(from, from + 30)));
    const { arrays } = await makeReceipt(referenceBackend("f32"), {
      ...{ model, data: { x: x!, y: next!, text }, batch: 4, optimizer: { type: "sgd", lr: 0.1 } },
    });
    const at = [...arrays.get("x")!.data].join();
    expect(arrays.get("x")!.shape).toEqual([4, 3]);
    expect([...arrays.get("y")!.data].slice(0, 2)).toEqual([...arrays.get("x")!.data].slice(1, 3));
    expect(at).not.toBe([...arrays.get("rows")!.data].flatMap((k) => [...x!.data.subarray(3 * k, 3 * k + 3)]).join());
  });
});

describe("receipt.py", () => {
  const about = { schedule: { type: "constant" }, computedBy: "the reference", precision: "f32" } as const;
  const run = { ...about, clip: 0, rows: 8 };
  const { model, optimizer } = trainingPresets.tutorial!;
  it.each<[string, ReceiptRun]>([
    ["tutorial.py", { ...run, model, optimizer, rows: 1 }],
    ["wired.py", { ...run, model: wired, optimizer, rows: 4 }],
    [
      "every-layer.py",
      { ...run, model: everyLayer, optimizer: options.optimizer!, schedule: options.schedule!, clip: 0.05 },
    ],
  ])("is, to the letter, %s", async (name, of) => {
    await expect(receiptScript(of)).toMatchFileSnapshot(golden(name));
  });
});
