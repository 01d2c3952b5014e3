import { afterAll, beforeAll, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import type { ModelSpec } from "../../src/nn/model-spec.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import { gate, mishLayer } from "../shared/custom.ts";
import { openGpu } from "../shared/gpu.ts";
import { ring } from "../shared/problems.ts";

let gpu: WebGpuBackend;
let wasm: Backend;
beforeAll(async () => {
  gpu = await openGpu();
  wasm = await wasmBackend({ threads: 1 });
});
afterAll(() => {
  gpu.dispose();
  wasm.dispose();
});

const net = (...middle: unknown[]): ModelSpec =>
  parseModel({
    layers: [{ type: "linear", in: 2, out: 12 }, ...middle, { type: "linear", in: 12, out: 2 }],
    loss: "crossEntropy",
  });
const options = { data: ring(60), batch: 10, optimizer: { type: "adam", lr: 0.02 } } as const;

async function train(backend: Backend, model: ModelSpec, steps = 120) {
  const trainer = await createTrainer(backend, { ...options, model });
  const losses: number[] = [];
  for await (const m of trainer.run({ steps })) losses.push(m.loss);
  return { trainer, losses };
}

test("a net with layers of one's own trains on WebGPU and on the CPU as the reference does", async () => {
  const model = net(mishLayer(), gate(12));
  const exact = await train(referenceBackend("f64"), model);
  expect(exact.losses.at(-1)).toBeLessThan(0.6 * exact.losses[0]!);
  for (const backend of [gpu, wasm]) {
    const { trainer, losses } = await train(backend, model);
    for (const [i, loss] of losses.entries()) {
      expect(Math.abs(loss - exact.losses[i]!), `step ${i + 1}`).toBeLessThan(2e-4);
    }
    expect((await trainer.evaluate("train"))!.accuracy).toBeGreaterThan(0.8);
    // The layer's parameter learned, and is part of the state.
    const state = await trainer.state();
    expect(new Set(state.parameters.get("2.scale")!.data).size).toBeGreaterThan(6);
    for await (const m of trainer.run({ steps: 5 })) void m;
    trainer.restore(state);
    expect(await trainer.state()).toEqual(state);
    trainer.dispose();
  }
});

test("an activation of one's own goes into the kernel for whole steps", async () => {
  const { trainer, losses } = await train(gpu, net(mishLayer()), 40);
  expect(trainer.execution).toMatch(/^one kernel on the chip/);
  const exact = await train(referenceBackend("f64"), net(mishLayer()), 40);
  for (const [i, loss] of losses.entries()) {
    expect(Math.abs(loss - exact.losses[i]!), `step ${i + 1}`).toBeLessThan(1e-4);
  }
  trainer.dispose();
});
