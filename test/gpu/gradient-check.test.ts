import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { checkGradients } from "../../src/check/gradients.ts";
import { type NdArray, ndarray, rows } from "../../src/core/ndarray.ts";
import { normals } from "../../src/core/philox.ts";
import { disposing } from "../../src/core/resource.ts";
import { tutorialData } from "../../src/data/synthetic.ts";
import { initialise } from "../../src/nn/initialise.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { trainingPresets } from "../../src/nn/presets.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import { openGpu } from "../shared/gpu.ts";
import { mixedNet, ring } from "../shared/problems.ts";

let gpu: Backend;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.dispose());

const { x, y } = ring(24);

describe("the three-way check", () => {
  test("passes a net of every kind of layer, each gradient inside its bound and against finite differences", async () => {
    const report = await checkGradients({ model: mixedNet, weights: initialise(mixedNet, 2), x, y, backend: gpu });
    expect(report).toMatchObject({ pass: true, firstDivergent: null });
    const gradients = report.tensors.filter((t) => t.kind === "gradient");
    expect(gradients.filter((t) => t.parameter)).toHaveLength(8);
    // Those without a figure of the device's were fused away there; no parameter's gradient is.
    expect(gradients.filter((t) => t.parameter && t.device === null)).toEqual([]);
    for (const t of gradients) {
      if (t.device) expect(t.device.worstRatio, t.name).toBeLessThanOrEqual(1);
      expect(t.finite?.pass, t.name).toBe(true);
      expect(t.conclusive, t.name).toBe(true);
    }
  });

  test("the bound says something: its median is below a hundredth of the gradient on a small net", async () => {
    const tutorial = trainingPresets.tutorial!;
    const report = await checkGradients({
      model: tutorial.model,
      weights: initialise(tutorial.model, 1, "uniform01"),
      ...tutorialData(),
      backend: gpu,
    });
    expect(report.pass).toBe(true);
    for (const t of report.tensors) if (t.parameter) expect(t.looseness).toBeLessThan(1e-2);
  });

  test("a device that returns zeros, or one gradient a ten-thousandth off, fails", async () => {
    const tampered = (change: (name: string, a: NdArray) => NdArray): Backend => ({
      ...gpu,
      compile: async (g, options) => {
        const executor = await gpu.compile(g, options);
        const run: typeof executor.run = async (steps, read = []) =>
          (await executor.run(steps, read)).map((a, i) => change(read[i]!.name, a));
        return disposing({
          run,
          write: () => undefined,
          description: executor.description,
          memory: () => executor.memory(),
          dispose: () => executor.dispose(),
        });
      },
    });
    const weights = initialise(mixedNet, 2);
    const scaled = (a: NdArray, by: number): NdArray => ({ ...a, data: a.data.map((v) => v * by) as Float32Array });
    const zero = tampered((name, a) => (name === "d 3.weight" ? scaled(a, 0) : a));
    expect(await checkGradients({ model: mixedNet, weights, x, y, backend: zero })).toMatchObject({
      pass: false,
      firstDivergent: "d 3.weight",
    });
    const off = tampered((name, a) => (name === "d 0.weight" ? scaled(a, 1.0001) : a));
    expect(await checkGradients({ model: mixedNet, weights, x, y, backend: off })).toMatchObject({
      pass: false,
      firstDivergent: "d 0.weight",
    });
  });

  test("zero weights show nothing, and say so instead of passing", async () => {
    const model = parseModel({
      layers: [
        { type: "linear", in: 2, out: 4, bias: false },
        { type: "tanh" },
        { type: "linear", in: 4, out: 2, bias: false },
      ],
      loss: "mse",
    });
    const targets = ndarray([24, 2], "f32", new Float32Array(48));
    const report = await checkGradients({ model, weights: initialise(model, 1, "zeros"), x, y: targets, backend: gpu });
    expect(report.pass).toBe(false);
    expect(report.tensors.some((t) => t.parameter && t.conclusive)).toBe(false);
  });

  test("on the way to a minimum it stays right: what cancels in the loss is not held against the gradients", async () => {
    const { model } = trainingPresets.tutorial!;
    const data = tutorialData();
    const options = {
      model,
      data,
      batch: "full",
      optimizer: { type: "sgd", lr: 0.005 },
      init: "uniform01",
      seed: 1092,
    } as const;
    const trainer = await createTrainer(referenceBackend("f32"), options);
    for (const steps of [100, 400, 1000]) {
      for await (const m of trainer.run({ steps })) void m;
      const weights = await trainer.parameters();
      const report = await checkGradients({ model, weights, ...data, backend: gpu });
      expect(report.firstDivergent, `step ${trainer.stepsTaken}`).toBeNull();
      const published = trainingPresets["tutorial-as-published"]!.model;
      const wrong = await checkGradients({ model: published, weights, ...data, backend: gpu });
      expect(wrong.firstDivergent).toBe("d 2.linear");
    }
    trainer.dispose();
  });

  test("where activations are saturated, what cancels in 1 - y y is not held against the gradients", async () => {
    const layers = [{ type: "linear", in: 2, out: 16 }, { type: "tanh" }, { type: "linear", in: 16, out: 3 }];
    const model = parseModel({ layers, loss: "crossEntropy" });
    for (const scale of [1, 10, 100]) {
      const weights = new Map(
        [...initialise(model, 4)].map(([name, w]) => [
          name,
          { ...w, data: (w.data as Float32Array).map((v) => scale * v) },
        ]),
      );
      const report = await checkGradients({ model, weights, x, y, backend: gpu });
      expect(report.firstDivergent, `weights ${scale} times too large`).toBeNull();
    }
  });

  test("wide nets: rectifiers and their kinks, 784-128-10", async () => {
    const { model } = trainingPresets.fashion!;
    const wide = ndarray([32, 784], "f32", normals(1, 9, 0, 32 * 784));
    const labels = ndarray(
      [32],
      "i32",
      Int32Array.from({ length: 32 }, (_, i) => i % 10),
    );
    const report = await checkGradients({
      model,
      weights: initialise(model, 1),
      x: rows(wide, 0, 32),
      y: labels,
      backend: gpu,
    });
    expect(report).toMatchObject({ pass: true, firstDivergent: null });
  });
});
