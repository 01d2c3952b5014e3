import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { checkGradients } from "../../src/check/gradients.ts";
import { initialise } from "../../src/nn/initialise.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import type { TrainerOptions } from "../../src/train/run/options.ts";
import type { StepMetrics } from "../../src/train/trainer.ts";
import { chainrule } from "../shared/command.ts";
import { openGpu } from "../shared/gpu.ts";
import { ring, smallNet } from "../shared/problems.ts";

let gpu: Backend;
let wasm: Backend;
let folder: string;
beforeAll(async () => {
  gpu = await openGpu();
  wasm = await wasmBackend({ threads: 1 });
  folder = mkdtempSync(join(tmpdir(), "chainrule-halves-"));
});
afterAll(() => {
  gpu.dispose();
  wasm.dispose();
  rmSync(folder, { recursive: true, force: true });
});

async function trained(backend: Backend, options: TrainerOptions) {
  const trainer = await createTrainer(backend, options);
  const metrics: StepMetrics[] = [];
  for await (const m of trainer.run({ steps: 30 })) metrics.push(m);
  const average = options.ema ? await trainer.parameters("average") : null;
  const weights = await trainer.parameters();
  trainer.dispose();
  return { metrics, weights, average };
}

/** What a step may have besides its net, each of which meets the scale of the loss somewhere. */
const features: Readonly<Record<string, Partial<TrainerOptions>>> = {
  "a penalty": { penalty: { l1: 1e-3, l2: 0.05 } },
  "three batches a step, a third of the gradient each": { accumulate: 3 },
  clipping: { clip: 0.05 },
  "groups with weight decay": {
    optimizer: { type: "adamw", lr: 0.01, weightDecay: 0.1 },
    groups: [{ match: ["bias"], lr: 0.5, weightDecay: 0 }],
  },
  "a moving average": { ema: { decay: 0.9 } },
  "class weights": { model: parseModel({ ...smallNet, classWeights: [0.3, 2], labelSmoothing: 0.1 }) },
  "plain descent": { optimizer: { type: "sgd", lr: 0.1, momentum: 0.9 } },
};

test.each(Object.entries(features))("%s: f16 goes the way of f32", async (_name, feature) => {
  const options = {
    model: smallNet,
    data: ring(96),
    batch: 16,
    seed: 4,
    optimizer: { type: "adam", lr: 0.01 },
  } as const;
  const wide = await trained(wasm, { ...options, ...feature });
  const half = await trained(gpu, { ...options, ...feature, precision: "f16" });
  half.metrics.forEach((m, i) => {
    const same = wide.metrics[i]!;
    expect(m.skipped).toBe(false);
    expect(m.learningRate).toBeCloseTo(same.learningRate, 9);
    expect(Math.abs(m.loss / same.loss - 1), `loss of step ${m.step}`).toBeLessThan(1e-2);
    expect(Math.abs(m.gradientNorm / same.gradientNorm - 1), `norm of step ${m.step}`).toBeLessThan(5e-2);
  });
  for (const kind of ["weights", "average"] as const) {
    for (const [name, { data }] of half[kind] ?? []) {
      const same = wide[kind]!.get(name)!.data;
      const norm = (of: (i: number) => number): number => Math.hypot(...Array.from(data, (_, i) => of(i)));
      const size = norm((i) => same[i]!);
      const off = norm((i) => data[i]! - same[i]!);
      expect(off, `${kind} ${name}`).toBeLessThan(2e-2 * size + 1e-3);
    }
  }
});

test("a penalty is part of what f16 is proved with", async () => {
  const { x, y } = ring(24);
  const options = { model: smallNet, weights: initialise(smallNet, 3), x, y, backend: gpu, precision: "f16" } as const;
  const report = await checkGradients({ ...options, penalty: { l1: 0.01, l2: 0.1 } });
  expect(report).toMatchObject({ pass: true, firstDivergent: null });
});

describe("chainrule train --precision f16", () => {
  const log = (name: string): { step: number; loss: number; lossScale: number }[] =>
    readFileSync(join(folder, name), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
      .filter((line) => "lossScale" in line);

  test("a resumed run is the run that was not interrupted, bit for bit, the scale with it", async () => {
    const args = ["train", "spirals", "--backend", "webgpu", "--precision", "f16", "--batch", "16", "--log-every", "5"];
    const run = (...more: readonly string[]) => chainrule([...args, ...more], { cwd: folder });
    const whole = await run("--steps", "60", "--log", "whole.jsonl", "--save", "whole.st");
    expect(whole, whole.err).toMatchObject({ status: 0 });
    expect(whole.err + whole.out).toContain("products of halves");
    const first = await run("--steps", "35", "--log", "parts.jsonl", "--checkpoint", "run", "--every", "20");
    expect(first, first.err).toMatchObject({ status: 0 });
    const rest = await run(
      "--steps",
      "60",
      "--log",
      "parts.jsonl",
      "--checkpoint",
      "run",
      "--resume",
      "run",
      "--save",
      "parts.st",
    );
    expect(rest, rest.err).toMatchObject({ status: 0 });
    expect(readFileSync(join(folder, "parts.st")).equals(readFileSync(join(folder, "whole.st")))).toBe(true);
    const lines = log("whole.jsonl");
    expect(lines.map(({ lossScale }) => lossScale)).toEqual(lines.map(() => 2 ** 16));
    const other = await chainrule(
      ["train", "spirals", "--backend", "webgpu", "--batch", "16", "--steps", "60", "--resume", "run"],
      { cwd: folder },
    );
    expect(other.status).not.toBe(0);
    expect(other.err).toMatch(/halves|f16|differ/);
  });

  test("says what cannot be", async () => {
    const refused = async (...flags: readonly string[]) =>
      (await chainrule(["train", "spirals", "--steps", "1", ...flags])).err;
    expect(await refused("--precision", "f8")).toMatch(/--precision.*f32.*f16/);
    expect(await refused("--loss-scale", "8")).toContain("a loss scale is for precision f16");
    expect(await refused("--precision", "f16", "--loss-scale", "3")).toContain("a power of two");
  });
});
