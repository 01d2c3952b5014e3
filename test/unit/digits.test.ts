import { describe, expect, it } from "vitest";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { checkGradients } from "../../src/check/gradients.ts";
import { type NdArray, ndarray } from "../../src/core/ndarray.ts";
import { makeReceipt } from "../../src/io/receipt/receipt.ts";
import { initialise } from "../../src/nn/initialise.ts";
import type { ModelSpec } from "../../src/nn/model-spec.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";

const f64 = (shape: number[], values: number[]): NdArray => ndarray(shape, "f64", values);
const one = parseModel({ layers: [{ type: "linear", in: 1, out: 1, bias: false }], loss: "mse" });
const tenth = {
  model: one,
  weights: new Map([["0.weight", f64([1, 1], [0.1])]]),
  x: f64([1, 1], [1]),
  y: f64([1, 1], [0]),
};

/** Cross-entropy of one row of logits in f64, weighted, by its formula. */
function weightedLoss(logits: readonly number[][], labels: readonly number[], weights: readonly number[]): number {
  let [sum, total] = [0, 0];
  logits.forEach((row, i) => {
    const own = weights[labels[i]!]!;
    sum += own * (Math.log(row.reduce((s, v) => s + Math.exp(v), 0)) - row[labels[i]!]!);
    total += own;
  });
  return sum / total;
}

describe("f64 keeps the digits of what it is given", () => {
  it("in a check: the exact loss is that of the f64 weights, and a device in f32 is within its bound", async () => {
    const report = await checkGradients({ ...tenth, backend: referenceBackend("f32") });
    expect(report.loss.exact).toBe(0.1 * 0.1);
    expect(report.loss.computed).not.toBe(report.loss.exact);
    expect(report.pass).toBe(true);
    expect(report.tensors.find((t) => t.name === "d 0.weight")!.device!.worst.exact).toBe(0.2);
  });

  it("in a check: weights, rows, targets and class weights that f32 rounds widen the bound by that and no more", async () => {
    const model = parseModel({
      layers: [{ type: "linear", in: 3, out: 4 }, { type: "tanh" }, { type: "linear", in: 4, out: 3 }],
      ...{ loss: "crossEntropy", classWeights: [0.1, 0.7, 1.3], labelSmoothing: 0.1 },
    });
    const drawn = initialise(model, 3);
    const moved = new Map(
      [...drawn].map(([name, w]) => [
        name,
        f64(
          [...w.shape],
          Array.from(w.data, (v) => v + 1e-9),
        ),
      ]),
    );
    const x = f64(
      [8, 3],
      Array.from({ length: 24 }, (_, i) => Math.sin(i) + 1e-9),
    );
    const y = ndarray(
      [8],
      "i32",
      Array.from({ length: 8 }, (_, i) => i % 3),
    );
    const report = await checkGradients({ model, weights: moved, x, y, backend: referenceBackend("f32") });
    expect(report).toMatchObject({ pass: true, firstDivergent: null });
    const regression: ModelSpec = { ...one, layers: [{ type: "linear", in: 3, out: 1, bias: true }], loss: "huber" };
    const values = f64(
      [8, 1],
      Array.from({ length: 8 }, (_, i) => i / 10),
    );
    const of = { model: regression, weights: initialise(regression, 1), x, y: values };
    expect((await checkGradients({ ...of, backend: referenceBackend("f32") })).pass).toBe(true);
  });

  it("in a receipt: weights, batch and all that follows", async () => {
    const { model, weights, x, y } = tenth;
    const options = { model, weights, data: { x, y }, optimizer: { type: "sgd", lr: 0.1 } } as const;
    const { arrays, script } = await makeReceipt(referenceBackend("f64"), options);
    const at = (name: string): number => arrays.get(name)!.data[0]!;
    expect([at("W0"), at("loss"), at("dW0")]).toEqual([0.1, 0.010000000000000002, 0.2]);
    expect(at("W0_new")).toBe(0.1 - 0.1 * 0.2);
    expect(script).toContain("to the rounding of float64");
    const rounded = await makeReceipt(referenceBackend("f32"), options);
    expect(rounded.arrays.get("W0")!.data[0]).toBe(Math.fround(0.1));
    expect([...rounded.arrays.values()].some((a) => a.dtype === "f64")).toBe(false);
  });

  it("in dropout: what stays grows by 1 / (1 - p) and not by the f32 beside it", async () => {
    const layers = [
      { type: "dropout", p: 0.3 },
      { type: "linear", in: 64, out: 1, bias: false },
    ];
    const model = parseModel({ layers, loss: "mse" });
    const row = f64([1, 64], new Array(64).fill(1));
    const data = { x: row, y: f64([1, 1], [0]) };
    const { arrays } = await makeReceipt(referenceBackend("f64"), { model, data });
    expect(new Set(arrays.get("a0")!.data)).toEqual(new Set([0, 1 / (1 - 0.3)]));
  });

  it("in class weights: loss and evaluation", async () => {
    const classWeights = [0.1, 0.7, 1 / 3];
    const layers = [{ type: "linear", in: 3, out: 3, bias: false }];
    const model = parseModel({ layers, loss: "crossEntropy", classWeights });
    const identity = new Map([["0.weight", f64([3, 3], [1, 0, 0, 0, 1, 0, 0, 0, 1])]]);
    const logits = Array.from({ length: 300 }, (_, i) => [i % 7, (i % 5) / 4, (i % 3) / 2]);
    const labels = logits.map((_, i) => (i * 7) % 3);
    const data = { x: f64([300, 3], logits.flat()), y: ndarray([300], "i32", labels) };
    const exact = weightedLoss(logits, labels, classWeights);
    const backend = referenceBackend("f64");
    const trainer = await createTrainer(backend, { model, weights: identity, data, batch: "full" });
    const { loss } = (await trainer.evaluate("train"))!;
    expect(Math.abs(loss / exact - 1)).toBeLessThan(1e-13);
    for await (const step of trainer.run({ steps: 1 })) expect(Math.abs(step.loss / exact - 1)).toBeLessThan(1e-13);
    trainer.dispose();
  });

  it("through a state and back", async () => {
    const { model, weights, x, y } = tenth;
    const trainer = await createTrainer(referenceBackend("f64"), { model, weights, data: { x, y } });
    const state = await trainer.state();
    await trainer.restore(state);
    expect((await trainer.parameters()).get("0.weight")!.data[0]).toBe(0.1);
    await trainer.reset();
    expect((await trainer.parameters()).get("0.weight")!.data[0]).toBe(0.1);
    trainer.dispose();
  });
});
