import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend, Executor } from "../../src/backend/executor.ts";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { ndarray, zeros } from "../../src/core/ndarray.ts";
import { Graph } from "../../src/graph/graph.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { CONTROL, CONTROL_SIZE, control } from "../../src/ops/step/control.ts";
import { gradientStats } from "../../src/ops/step/gradient-stats.ts";
import { record, startCursor } from "../../src/ops/step/record.ts";
import { addUpdate, type OptimizerSpec, optimizerAttrs } from "../../src/optim/optimizer.ts";
import { type ScheduleSpec, scheduleAttrs } from "../../src/optim/schedule.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import { openGpu } from "../shared/gpu.ts";
import { normError, type TorchArray, table, toArray, toParameters } from "../shared/torch.ts";

let gpu: Backend;
let wasm: Backend;
beforeAll(async () => {
  gpu = await openGpu();
  wasm = await wasmBackend();
});
afterAll(() => {
  gpu.dispose();
  wasm.dispose();
});

const backends = [
  ["CPU f64", () => referenceBackend("f64"), 1e-10],
  ["WebGPU", () => gpu, 1e-5],
  ["WebAssembly", () => wasm, 1e-5],
] as const;

interface OptimizerCase {
  readonly name: string;
  readonly optimizer: OptimizerSpec;
  readonly initial: readonly number[];
  readonly gradients: readonly (readonly number[])[];
  readonly parameters: readonly (readonly number[])[];
}

interface ScheduleCase {
  readonly name: string;
  readonly schedule: ScheduleSpec;
  readonly lr: number;
  readonly values: readonly number[];
}

interface ClipCase {
  readonly name: string;
  readonly maxNorm: number;
  readonly gradients: Readonly<Record<string, TorchArray>>;
  readonly norm: number;
  readonly clipped: Readonly<Record<string, TorchArray>>;
}

interface TrainingCase {
  readonly name: string;
  readonly model: unknown;
  readonly weights: Readonly<Record<string, TorchArray>>;
  readonly x: TorchArray;
  readonly y: TorchArray;
  readonly optimizer: OptimizerSpec;
  readonly losses: readonly number[];
  readonly final: Readonly<Record<string, TorchArray>>;
}

/** The end of a training step by itself: gradients come from the host. */
function updateGraph(spec: OptimizerSpec, schedule: ScheduleSpec, maxNorm: number, initial: readonly number[]) {
  const g = new Graph();
  const parameters = g.variable("parameters", ndarray([initial.length], "f64", initial));
  const gradients = g.variable("gradients", zeros([initial.length], "f64"));
  const loss = g.variable("loss", ndarray([1], "f32", [1]));
  const cursor = g.variable("cursor", startCursor());
  const ring = g.variable("ring", zeros([64, 4], "f32"));
  const numbers = g.variable("control", zeros([CONTROL_SIZE], "f32"));
  const stats = g.one(gradientStats, [gradients], null);
  const { beta1, beta2 } = optimizerAttrs(spec);
  const attrs = { ...scheduleAttrs(schedule, spec.lr), maxNorm, beta1, beta2 };
  const now = g.one(control, [numbers, cursor, loss, stats], attrs);
  addUpdate(g, spec, parameters, gradients, now);
  g.add(record, [cursor, ring, loss, now], { slots: 64, batch: 1, n: 1 });
  return { g, parameters, gradients, numbers };
}

async function withExecutor<T>(backend: Backend, g: Graph, work: (e: Executor) => Promise<T>): Promise<T> {
  const executor = await backend.compile(g);
  try {
    return await work(executor);
  } finally {
    executor.dispose();
  }
}

describe.each(backends)("optimizers on %s", (_name, backend, limit) => {
  test.each(table<OptimizerCase>("optimizers"))("$name", async (c) => {
    const u = updateGraph(c.optimizer, { type: "constant" }, 0, c.initial);
    await withExecutor(backend(), u.g, async (executor) => {
      for (const [step, gradient] of c.gradients.entries()) {
        executor.write(u.gradients, ndarray([gradient.length], "f64", gradient));
        const [p] = await executor.run(1, [u.parameters]);
        expect(normError(p!.data, c.parameters[step]!), `after step ${step + 1}`).toBeLessThan(limit);
      }
    });
  });
});

describe.each(backends)("schedules on %s", (_name, backend, limit) => {
  test.each(table<ScheduleCase>("schedules"))("$name", async (c) => {
    const u = updateGraph({ type: "sgd", lr: c.lr }, c.schedule, 0, [1]);
    await withExecutor(backend(), u.g, async (executor) => {
      for (const [step, value] of c.values.entries()) {
        const [numbers] = await executor.run(1, [u.numbers]);
        const error = Math.abs(numbers!.data[CONTROL.lr]! - value);
        expect(error, `step ${step}`).toBeLessThan(limit * value + Math.max(1e-14, 0.05 * limit * c.lr));
      }
    });
  });
});

describe.each(backends)("clipping on %s", (_name, backend, limit) => {
  test.each(table<ClipCase>("clip"))("$name", async (c) => {
    const flat = Object.values(c.gradients).flatMap((a) => [...a.data]);
    const clipped = Object.values(c.clipped).flatMap((a) => [...a.data]);
    const u = updateGraph(
      { type: "sgd", lr: 1 },
      { type: "constant" },
      c.maxNorm,
      flat.map(() => 0),
    );
    await withExecutor(backend(), u.g, async (executor) => {
      executor.write(u.gradients, ndarray([flat.length], "f64", flat));
      const [p, numbers] = await executor.run(1, [u.parameters, u.numbers]);
      expect(Math.abs(numbers!.data[CONTROL.norm]! - c.norm)).toBeLessThanOrEqual(limit * c.norm);
      expect(
        normError(
          p!.data.map((v) => -v),
          clipped,
        ),
      ).toBeLessThan(limit);
    });
  });
});

describe.each(backends)("whole runs on %s", (_name, backend, limit) => {
  test.each(table<TrainingCase>("training"))("$name", async (c) => {
    const trainer = await createTrainer(backend(), {
      model: parseModel(c.model),
      weights: toParameters(c.weights),
      data: { x: { ...toArray(c.x) }, y: toArray(c.y) },
      batch: "full",
      optimizer: c.optimizer,
    });
    for await (const { step, loss } of trainer.run({ steps: c.losses.length })) {
      const exact = c.losses[step - 1]!;
      expect(Math.abs(loss - exact) / exact, `loss of step ${step}`).toBeLessThan(limit * 10);
    }
    const parameters = await trainer.parameters();
    for (const [name, exact] of toParameters(c.final)) {
      expect(normError(parameters.get(name)!.data, exact.data), name).toBeLessThan(limit * 10);
    }
    trainer.dispose();
  });
});
