import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { runKernel } from "../../src/backend/webgpu/run-kernel.ts";
import { checkGradients } from "../../src/check/gradients.ts";
import { bitsOfHalf } from "../../src/core/half.ts";
import { type NdArray, ndarray } from "../../src/core/ndarray.ts";
import { randomWord, STREAM, uniforms } from "../../src/core/philox.ts";
import { disposing } from "../../src/core/resource.ts";
import { tutorialData } from "../../src/data/synthetic.ts";
import type { Tensor } from "../../src/graph/graph.ts";
import { initialise } from "../../src/nn/initialise.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { trainingPresets } from "../../src/nn/presets.ts";
import { fuse } from "../../src/ops/fuse.ts";
import { toHalf } from "../../src/ops/half/to-half.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import * as steps from "../../src/train/f16/half-steps.ts";
import { gradientGraph } from "../../src/train/run/gradient-graph.ts";
import { openGpu } from "../shared/gpu.ts";
import { mixedNet, ring, smallNet } from "../shared/problems.ts";

let gpu: WebGpuBackend;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.dispose());

/** The backend with every gradient that it is asked for changed, in graphs that have halves. */
function tampered(change: (name: string, a: NdArray) => NdArray): Backend {
  return {
    ...gpu,
    compile: async (g, options) => {
      const executor = await gpu.compile(g, options);
      const halves = g.nodes.some((node) => node.op === toHalf);
      const run: typeof executor.run = async (steps, read = []) =>
        (await executor.run(steps, read)).map((a, i) => (halves ? change(read[i]!.name, a) : a));
      return disposing({
        run,
        write: (variable: Tensor, value: NdArray) => executor.write(variable, value),
        description: executor.description,
        memory: () => executor.memory(),
        dispose: () => executor.dispose(),
      });
    },
  };
}

const scaled = (a: NdArray, by: number): NdArray => ({ ...a, data: a.data.map((v) => v * by) as Float32Array });

test("rounding is exact, bit for bit: random patterns of f32, around every exponent, not finite ones included", async () => {
  const words = Uint32Array.from({ length: 2 ** 14 }, (_, i) => {
    const word = randomWord(3, STREAM.check, 0, i);
    // Every other one among the exponents that halves have, which random words rarely meet.
    return i % 2 ? word : (word & 0x80ffffff) | ((100 + (i % 46)) << 23);
  });
  const x = ndarray([words.length], "f32", new Float32Array(words.buffer));
  for (const kernel of toHalf.kernels) {
    const run = await runKernel(gpu.gpu, toHalf, kernel, [x], null);
    expect(run!.marginIntact && run!.covered, kernel.name).toBe(true);
    const wrong = words.findIndex((_, i) => bitsOfHalf(run!.outputs[0]!.data[i]!) !== bitsOfHalf(x.data[i]!));
    expect(wrong, `${kernel.name}: ${x.data[wrong]} became ${run!.outputs[0]!.data[wrong]}`).toBe(-1);
  }
});

test("a step of two layers: what products read and what only they read is halves, all else is f32", async () => {
  const { x, y } = ring(8);
  const halves = { scale: 1, steps };
  const g = await gradientGraph(smallNet, initialise(smallNet, 1), x, y, { seed: 1, maxBufferSize: 2 ** 28, halves });
  const nodes = fuse(g.graph).filter((node) => !node.op.view);
  expect(nodes.map((node) => node.op.name)).toEqual([
    "toHalf",
    "toHalf",
    "toHalf",
    "lossScale",
    "halfLinear",
    "halfLinear",
    "crossEntropyWithGradient",
    "toHalf",
    "halfLinearWeightGradient",
    "halfLinearInputGradient",
    "halfLinearWeightGradient",
  ]);
  const kinds = (name: string) =>
    nodes.filter((n) => n.op.name === name).map((n) => [...n.inputs, ...n.outputs].map((t) => t.dtype).join(" "));
  expect(kinds("halfLinear")).toEqual(["f16 f16 f32 f16", "f16 f16 f32 f32"]);
  expect(kinds("halfLinearInputGradient")).toEqual(["f16 f16 f16 f16"]);
  expect(kinds("halfLinearWeightGradient")).toEqual(["f16 f16 f32 f32", "f16 f16 f32 f32"]);
});

test("kernels of halves compete in trials as others do, on inputs that are rounded first, and none is found wrong", async () => {
  const n = 64;
  const x = ndarray([n, 128], "f32", uniforms(7, STREAM.check, 0, n * 128, -1, 1));
  const y = ndarray([n, 64], "f32", uniforms(8, STREAM.check, 0, n * 64, -1, 1));
  const layers = [{ type: "linear", in: 128, out: 64 }, { type: "relu" }, { type: "linear", in: 64, out: 64 }];
  const options = { model: parseModel({ layers, loss: "mse" }), data: { x, y }, batch: 48, precision: "f16" } as const;
  const trainer = await createTrainer(gpu, options);
  for await (const m of trainer.run({ steps: 3 })) expect(m.skipped).toBe(false);
  trainer.dispose();
  expect(gpu.tuner!.made.some(({ kernel }) => kernel.startsWith("halfLinear/"))).toBe(true);
  expect([...gpu.gpu.wrong]).toEqual([]);
});

describe("the proof with halves", () => {
  const { x, y } = ring(24);
  const weights = initialise(mixedNet, 2);

  test("every kind of layer passes inside the bound", async () => {
    const report = await checkGradients({ model: mixedNet, weights, x, y, backend: gpu, precision: "f16" });
    expect(report).toMatchObject({ pass: true, firstDivergent: null });
    const parameters = report.tensors.filter((t) => t.parameter);
    expect(parameters).toHaveLength(8);
    // Halves were at work: in f32 this net is right to a millionth.
    expect(parameters.some((t) => t.device!.normRelative > 1e-4)).toBe(true);
  });

  test("the bound says something: on the tutorial's net its median is below a hundredth of the gradient", async () => {
    const { model } = trainingPresets.tutorial!;
    const report = await checkGradients({
      model,
      weights: initialise(model, 1, "uniform01"),
      ...tutorialData(),
      backend: gpu,
      precision: "f16",
    });
    expect(report.pass).toBe(true);
    for (const t of report.tensors) if (t.parameter) expect(t.looseness, t.name).toBeLessThan(1e-2);
  });

  test("a gradient a twentieth off fails; so does one of zeros", async () => {
    for (const [name, by] of [
      ["d 3.weight", 1.05],
      ["d 0.weight", 0],
    ] as const) {
      const backend = tampered((tensor, a) => (tensor === name ? scaled(a, by) : a));
      const report = await checkGradients({ model: mixedNet, weights, x, y, backend, precision: "f16" });
      expect(report).toMatchObject({ pass: false, firstDivergent: name });
    }
  });
});

describe("a trainer in f16 begins only where f16 agrees with f32", () => {
  const data = ring(64);

  test("and says which gradient does not", async () => {
    const begin = (backend: Backend) => createTrainer(backend, { model: smallNet, data, batch: 16, precision: "f16" });
    (await begin(tampered((_name, a) => a))).dispose();
    await expect(begin(tampered((name, a) => (name.startsWith("d ") ? scaled(a, 1.1) : a)))).rejects.toMatchObject({
      code: "precision",
      message: expect.stringMatching(/the gradient of \d\.(weight|bias) at \[.*rounding to halves explains/),
    });
    await expect(begin(tampered((name, a) => (name.startsWith("d ") ? a : scaled(a, 1.1))))).rejects.toMatchObject({
      code: "precision",
      message: expect.stringMatching(/the loss at \[0\] is .*rounding to halves explains/),
    });
  });

  test("gradients that fall below the least half are refused with a scale of 1, and kept by the dynamic one", async () => {
    const { options } = faint;
    await expect(createTrainer(gpu, { ...options, lossScale: 1 })).rejects.toThrow(
      /precision f16: the gradient of 0\.weight .* of its norm \(first batch, loss scale 1\)/,
    );
    const ends: number[] = [];
    for (const precision of ["f32", "f16"] as const) {
      const trainer = await createTrainer(gpu, { ...options, precision });
      const losses: number[] = [];
      for await (const m of trainer.run({ steps: 100 })) losses.push(m.loss);
      ends.push(losses.at(-1)! / losses[0]!);
      trainer.dispose();
    }
    const [wide, half] = ends as [number, number];
    expect(half).toBeLessThan(0.6);
    expect(Math.abs(half / wide - 1)).toBeLessThan(0.02);
  });

  test("a scale that stays and is too large is refused, naming the gradient that left the halves", async () => {
    await expect(createTrainer(gpu, { ...faint.options, lossScale: 2 ** 60 })).rejects.toThrow(
      /the gradient of \d\.(weight|bias) is (-?Infinity|NaN) at .*loss scale 1152921504606847000/,
    );
  });
});

/** Targets and last weights so small that the first layer's gradient has terms below 2^-25. */
const faint = (() => {
  const n = 64;
  const wide = 32;
  const layers = [{ type: "linear", in: 6, out: wide }, { type: "tanh" }, { type: "linear", in: wide, out: wide }];
  const x = ndarray([n, 6], "f32", uniforms(5, STREAM.check, 0, n * 6, -1, 1));
  const target = (_: unknown, i: number): number => 1e-3 * x.data[6 * Math.floor(i / wide) + (i % 6)]!;
  const y = ndarray([n, wide], "f32", Float32Array.from({ length: n * wide }, target));
  const model = parseModel({ layers, loss: "mse" });
  const small = new Map(
    [...initialise(model, 1)].map(([name, w]) => [name, name.startsWith("2") ? scaled(w, 2e-3) : w]),
  );
  const optimizer = { type: "adam", lr: 1e-4, eps: 1e-16 } as const;
  return { options: { model, data: { x, y }, weights: small, batch: "full", optimizer, precision: "f16" } as const };
})();
