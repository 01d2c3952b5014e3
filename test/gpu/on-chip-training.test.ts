import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { checkGradients } from "../../src/check/gradients.ts";
import { onChip } from "../../src/check/on-chip.ts";
import { type NdArray, ndarray } from "../../src/core/ndarray.ts";
import { normals } from "../../src/core/philox.ts";
import { tutorialData } from "../../src/data/synthetic.ts";
import { initialise } from "../../src/nn/initialise.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { trainingPresets } from "../../src/nn/presets.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import type { TrainerOptions } from "../../src/train/run/options.ts";
import { RING_SLOTS } from "../../src/train/run/training-graph.ts";
import type { StepMetrics, Trainer } from "../../src/train/trainer.ts";
import { asDispatches, openGpu } from "../shared/gpu.ts";
import { forms } from "../shared/on-chip.ts";
import { mixedNet, ring, smallNet } from "../shared/problems.ts";

let gpu: WebGpuBackend;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.dispose());

async function steps(trainer: Trainer, count: number, onNotFinite: "skip" | "stop" = "stop"): Promise<StepMetrics[]> {
  const out: StepMetrics[] = [];
  for await (const m of trainer.run({ steps: count, onNotFinite })) out.push(m);
  return out;
}

async function outcome(backend: Backend, options: TrainerOptions, count = 200) {
  const trainer = await createTrainer(backend, options);
  try {
    const metrics = await steps(trainer, count);
    return { metrics, weights: [...(await trainer.parameters()).values()].flatMap((a) => [...a.data]) };
  } finally {
    trainer.dispose();
  }
}

const values = (n: number, width: number, step: number): NdArray =>
  ndarray([n, width], "f32", normals(9, 6, step, n * width));
const regression = (loss: string, act: string) =>
  parseModel({ layers: [{ type: "linear", in: 3, out: 5 }, { type: act }, { type: "linear", in: 5, out: 2 }], loss });
const rows = { x: values(30, 3, 1), y: values(30, 2, 2) };
const units = { x: rows.x, y: ndarray([30, 2], "f32", rows.y.data.map((v) => (v > 0 ? 1 : 0)) as Float32Array) };
const small = { model: smallNet, data: ring(50), batch: 6, seed: 2 } as const;

const problems: [string, TrainerOptions][] = [
  [
    "the tutorial",
    {
      model: trainingPresets.tutorial!.model,
      data: tutorialData(),
      batch: "full",
      init: "uniform01",
      optimizer: { type: "sgd", lr: 2e-4 },
    },
  ],
  [
    "a classifier, clipped, cosine",
    {
      ...small,
      clip: 0.5,
      optimizer: { type: "adam", lr: 0.02 },
      schedule: { type: "cosine", steps: 150, warmup: 10, min: 0.001 },
    },
  ],
  ["dropout and normalisation", { model: mixedNet, data: ring(40), batch: 5, optimizer: { type: "adam", lr: 0.003 } }],
  [
    "mse, tanh, a schedule of drops",
    {
      model: regression("mse", "tanh"),
      data: rows,
      batch: "full",
      optimizer: { type: "sgd", lr: 0.05 },
      schedule: { type: "step", every: 40, gamma: 0.5 },
    },
  ],
  [
    "huber, silu, a row at a time",
    {
      model: regression("huber", "silu"),
      data: rows,
      batch: 1,
      optimizer: { type: "sgd", lr: 0.01, momentum: 0.9, nesterov: true },
    },
  ],
  ["bce, elu", { model: regression("bce", "elu"), data: units, batch: 7, optimizer: { type: "adamw", lr: 0.01 } }],
  ["rmsprop", { ...small, optimizer: { type: "rmsprop", lr: 0.003, momentum: 0.5 } }],
  ["adagrad", { ...small, optimizer: { type: "adagrad", lr: 0.05 } }],
];

describe("a run on the chip is the run of the dispatches, and of the reference", () => {
  test.each(problems)("%s", async (_name, options) => {
    const chip = await outcome(onChip(gpu), options);
    const [other, exact] = [await outcome(asDispatches(gpu), options), await outcome(referenceBackend("f64"), options)];
    for (const [i, m] of chip.metrics.entries()) {
      const truth = exact.metrics[i]!;
      expect(m.step).toBe(truth.step);
      expect(Math.abs(m.learningRate - truth.learningRate)).toBeLessThanOrEqual(1e-6 * truth.learningRate + 1e-9);
      for (const [key, limit] of [
        ["loss", 2e-4],
        ["gradientNorm", 2e-3],
      ] as const) {
        const size = Math.max(1, Math.abs(truth[key]));
        expect(Math.abs(m[key] - truth[key]) / size, `${key} of step ${m.step}, f64`).toBeLessThan(limit);
        expect(Math.abs(m[key] - other.metrics[i]![key]) / size, `${key} of step ${m.step}`).toBeLessThan(limit);
      }
    }
    chip.weights.forEach((w, i) => {
      expect(Math.abs(w - exact.weights[i]!)).toBeLessThan(1e-3 * Math.max(1, Math.abs(w)));
    });
  });

  test.each(forms.slice(1))("$width in $memory: the same", async (form) => {
    const [, options] = problems[2]!;
    const chip = await outcome(onChip(gpu, { form }), options, 60);
    const exact = await outcome(referenceBackend("f64"), options, 60);
    chip.metrics.forEach((m, i) => {
      expect(Math.abs(m.loss - exact.metrics[i]!.loss), `step ${m.step}`).toBeLessThan(1e-4);
    });
  });
});

test("however the steps are divided among dispatches and runs, the same bits; reset begins again", async () => {
  const options = problems[1]![1];
  const whole = await createTrainer(onChip(gpu), options);
  const parts = await createTrainer(onChip(gpu), options);
  const first = await steps(whole, 300);
  const pieces = [];
  for (const count of [1, 2, 7, 90, 200]) pieces.push(...(await steps(parts, count)));
  expect(pieces).toEqual(first);
  expect(await parts.parameters()).toEqual(await whole.parameters());
  parts.reset();
  expect(await steps(parts, 300)).toEqual(first);
  whole.dispose();
  parts.dispose();
});

test("more steps than the loss ring holds: every one is read, and memory is constant", async () => {
  const options = { ...problems[0]![1], optimizer: { type: "sgd", lr: 2e-6 } } as const;
  const trainer = await createTrainer(onChip(gpu), options);
  await steps(trainer, 10);
  const { liveBytes } = trainer.memory();
  const metrics = await steps(trainer, 20_000);
  expect(metrics.map((m) => m.step)).toEqual(Array.from({ length: 20_000 }, (_, i) => i + 11));
  expect(metrics.every((m, i) => i === 0 || m.loss <= metrics[i - 1]!.loss * (1 + 1e-5))).toBe(true);
  expect(metrics.at(-1)!.loss).toBeLessThan(0.95 * metrics[0]!.loss);
  // Where the host falls behind, a second reading of the ring is on its way before the first is done.
  expect([liveBytes, liveBytes + 16 * RING_SLOTS]).toContain(trainer.memory().liveBytes);
  trainer.dispose();
  expect(trainer.memory()).toEqual({ liveBytes: 0, buffers: 0 });
});

test.each(forms)("a step that is not finite is skipped: $width in $memory", async (form) => {
  const model = parseModel({ layers: [{ type: "linear", in: 2, out: 2, bias: false }], loss: "sumSquaredError" });
  const x = ndarray([4, 2], "f32", [1, 0, 0, 1, 3e38, 3e38, 1, 1]);
  const weights = new Map([["0.weight", ndarray([2, 2], "f32", [1, 1, 1, 1])]]);
  const data = { x, y: ndarray([4, 2], "f32", new Float32Array(8)) };
  const optimizer = { type: "sgd", lr: 0.01, momentum: 0.9 } as const;
  const trainer = await createTrainer(onChip(gpu, { form }), { model, data, weights, batch: 1, optimizer });
  const exact = await createTrainer(referenceBackend("f32"), { model, data, weights, batch: 1, optimizer });
  const [metrics, truth] = [await steps(trainer, 8, "skip"), await steps(exact, 8, "skip")];
  expect(metrics.map((m) => m.skipped)).toEqual(truth.map((m) => m.skipped));
  expect(metrics.filter((m) => m.skipped)).toHaveLength(2);
  const [w, v] = [(await trainer.parameters()).get("0.weight")!, (await exact.parameters()).get("0.weight")!];
  for (const [i, value] of w.data.entries()) expect(value).toBeCloseTo(v.data[i]!, 6);
  trainer.dispose();
});

test.each([
  ["the tutorial", trainingPresets.tutorial!.model, tutorialData()],
  ["every kind of layer", mixedNet, ring(6)],
] as const)("the three-way check of gradients, on the chip and as dispatches: %s", async (_name, model, data) => {
  for (const backend of [onChip(gpu), asDispatches(gpu)]) {
    const report = await checkGradients({ model, weights: initialise(model, 2), ...data, backend });
    expect(report).toMatchObject({ pass: true, firstDivergent: null });
  }
});

describe("the choice", () => {
  const compiled = async (options: TrainerOptions): Promise<string> => {
    let description = "";
    const backend: Backend = {
      ...gpu,
      async compile(g, o) {
        const executor = await gpu.compile(g, o);
        description = executor.description;
        return executor;
      },
    };
    (await createTrainer(backend, options)).dispose();
    return description;
  };

  test("small nets run on the chip, others as dispatches, and each says so", async () => {
    expect(await compiled(problems[0]![1])).toBe("one kernel on the chip, 1 invocation");
    expect(await compiled(small)).toMatch(/^one kernel on the chip, \d+ invocations$/);
    const wide = parseModel({
      layers: [
        { type: "linear", in: 64, out: 128 },
        { type: "linear", in: 128, out: 2 },
      ],
      loss: "mse",
    });
    expect(await compiled({ model: wide, data: { x: values(64, 64, 3), y: values(64, 2, 4) }, batch: 64 })).toMatch(
      /^\d+ dispatches a step$/,
    );
  });

  test("what does not fit says why when it is asked for", async () => {
    const { Graph } = await import("../../src/graph/graph.ts");
    const { matmul } = await import("../../src/ops/matmul/matmul.ts");
    const { linear } = await import("../../src/ops/matmul/linear.ts");
    const { lowerOnChip } = await import("../../src/backend/webgpu/lower.ts");
    const { DEFAULT_CAPS } = await import("../../src/graph/op.ts");
    const g = new Graph();
    g.keep(g.one(matmul, [g.variable("x", values(256, 64, 5)), g.variable("w", values(64, 64, 6))], null));
    expect(lowerOnChip(g, DEFAULT_CAPS)).toMatchObject({ reason: expect.stringMatching(/values take 65536 bytes/) });
    const composed = new Graph();
    const [x, w] = [composed.variable("x", values(2, 3, 5)), composed.variable("w", values(3, 4, 6))];
    composed.keep(composed.one(linear, [x, w], { activation: null, alpha: 0 }));
    await expect(gpu.compile(composed, { onChip: true })).rejects.toThrow(/cannot run on the chip: linear has no form/);
  });
});
