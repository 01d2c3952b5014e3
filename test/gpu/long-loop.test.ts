import { afterEach, expect, test } from "vitest";
import { type WebGpuBackend, webgpuBackend } from "../../src/backend/webgpu/backend.ts";
import { longestLoop, stepsWithin } from "../../src/backend/webgpu/long-loop.ts";
import { lowerOnChip } from "../../src/backend/webgpu/lower.ts";
import { tanh } from "../../src/nn/layers/activation.ts";
import { linear } from "../../src/nn/layers/linear.ts";
import { sequential } from "../../src/nn/sequential.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import type { RecoveryEvent } from "../../src/train/recovery/recovery.ts";
import { planOf } from "../../src/train/run/backend-run.ts";
import { resolveOptions, type TrainerOptions } from "../../src/train/run/options.ts";
import { asDispatches } from "../shared/gpu.ts";
import { ring } from "../shared/problems.ts";

/** Devices that end a kernel's loops after so many turns, and tell nobody. */

// Too much to be written out: four invocations or 64, with loops.
const model = sequential([linear(2, 16), tanh(), linear(16), tanh(), linear(2)], { loss: "crossEntropy" });
const options: TrainerOptions = { model, data: ring(200), batch: 32, seed: 5, optimizer: { type: "adam", lr: 0.01 } };
const LOOP = "for (; n < params.most";
const STEPS = "step_ < params.steps;";

const opened: WebGpuBackend[] = [];
afterEach(() => {
  for (const backend of opened.splice(0)) backend.dispose();
});

/** A backend on a device of its own whose compiler edits code. */
async function editing(edit: (code: string) => string): Promise<WebGpuBackend> {
  const device = await (await navigator.gpu.requestAdapter())!.requestDevice();
  const create = device.createShaderModule.bind(device);
  device.createShaderModule = (descriptor) => create({ ...descriptor, code: edit(descriptor.code) });
  const backend = await webgpuBackend({ device });
  opened.push(backend);
  return backend;
}

/**
 * A device that ends loops after so many turns, or as many as some steps take: a long loop, and the one over steps when
 * those of a step are too many.
 */
async function ending(end: { readonly turns?: number; readonly steps?: number }): Promise<WebGpuBackend> {
  const plain = await editing((code) => code);
  const { plan } = await planOf(await resolveOptions(options, plain));
  const lowered = lowerOnChip(plan.graph, plain.gpu.caps);
  if ("reason" in lowered) throw new Error(lowered.reason);
  const turns = end.turns ?? end.steps! * lowered.turns.step + lowered.turns.once;
  const steps = Math.floor(turns / lowered.turns.step);
  return editing((code) =>
    code
      .replace(LOOP, `for (; n < min(params.most, ${turns}u)`)
      .replace(STEPS, `step_ < min(params.steps, ${steps}u);`),
  );
}

async function run(backend: WebGpuBackend | ReturnType<typeof asDispatches>, steps: number) {
  const events: RecoveryEvent[] = [];
  const trainer = await createTrainer(backend, options, { onEvent: (event) => events.push(event) });
  const losses: number[] = [];
  for await (const m of trainer.run({ steps })) losses.push(m.loss);
  const { execution } = trainer;
  const { step } = await trainer.state();
  trainer.dispose();
  return { losses, events, execution, step };
}

test("a device without such an end is told so, and is not held back", async () => {
  const backend = await editing((code) => code);
  expect(await longestLoop(backend.gpu)).toBe(Number.POSITIVE_INFINITY);
});

test("turns for five steps: dispatches are small enough, whole steps stay, and every loss is as ever", async () => {
  const [whole, short] = [await run(await editing((code) => code), 400), await run(await ending({ steps: 5 }), 400)];
  expect(whole.execution).toMatch(/one kernel on the chip, (4|64) invocations/);
  expect(short.execution).toBe(whole.execution);
  expect(short.events).toEqual([]);
  expect(short.losses).toEqual(whole.losses);
});

test("fewer turns than a step takes: steps are dispatches", async () => {
  const seen = await run(await ending({ turns: 100 }), 20);
  expect(seen.execution).toMatch(/dispatches/);
  expect(seen.events).toEqual([]);
  expect(seen.losses).toHaveLength(20);
});

test("how many steps a dispatch may hold follows from the turns of a step", async () => {
  const backend = await ending({ turns: 65_535 });
  const { plan } = await planOf(await resolveOptions(options, backend));
  const lowered = lowerOnChip(plan.graph, backend.gpu.caps);
  if ("reason" in lowered) throw new Error(lowered.reason);
  const { step, once } = lowered.turns;
  expect(step).toBeGreaterThan(16);
  expect(await stepsWithin(backend.gpu, lowered)).toBe(Math.floor((65_535 - once) / step));
});

test("loops that end although the long one did not: no loss that nobody computed, and the run goes on", async () => {
  const backend = await editing((code) => code.replace(STEPS, "step_ < min(params.steps, 11u);"));
  const [plain, seen] = [await run(asDispatches(await editing((code) => code)), 300), await run(backend, 300)];
  expect(seen.events.map((e) => e.kind)).toEqual(["lost", "recovered"]);
  expect(seen.execution).toMatch(/dispatches/);
  expect(seen.step).toBe(300);
  expect(seen.losses).toHaveLength(300);
  for (const [i, loss] of seen.losses.entries())
    expect(Math.abs(loss - plain.losses[i]!), `step ${i + 1}`).toBeLessThan(1e-3);
});
