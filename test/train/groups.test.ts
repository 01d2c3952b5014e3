import { afterAll, beforeAll, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { parameterSpecs } from "../../src/nn/parameter-specs.ts";
import { parameterMultipliers } from "../../src/optim/groups.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import { asDispatches, openGpu } from "../shared/gpu.ts";
import { mixedNet, ring } from "../shared/problems.ts";

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

const options = { model: mixedNet, data: ring(40), batch: 8, optimizer: { type: "adamw", lr: 0.01 } } as const;

test("a frozen parameter keeps its bits while the others learn, in as many dispatches", async () => {
  for (const backend of [asDispatches(gpu), gpu, wasm]) {
    const plain = await createTrainer(backend, options);
    const trainer = await createTrainer(backend, { ...options, groups: [{ match: ["0.*", "norm"], lr: 0 }] });
    if (backend !== gpu) expect(trainer.execution).toBe(plain.execution);
    const before = await trainer.parameters();
    for await (const m of trainer.run({ steps: 12 })) expect(m.skipped).toBe(false);
    const after = await trainer.parameters();
    const still = [...after].filter(([name, a]) => a.data.every((v, i) => v === before.get(name)!.data[i]));
    expect(still.map(([name]) => name)).toEqual(["0.weight", "0.bias", "4.weight", "4.bias"]);
    trainer.dispose();
    plain.dispose();
  }
});

test("groups that change nothing change no bit", async () => {
  const losses = async (groups: readonly { match: string; lr?: number }[]) => {
    const trainer = await createTrainer(wasm, { ...options, groups });
    const all: number[] = [];
    for await (const m of trainer.run({ steps: 20 })) all.push(m.loss);
    trainer.dispose();
    return all;
  };
  expect(await losses([{ match: "*", lr: 1 }])).toEqual(await losses([]));
  expect(await losses([{ match: "bias", lr: 0.5 }])).not.toEqual(await losses([]));
});

test("the first group that matches counts; names may have *, roles are words", () => {
  const parameters = parameterSpecs(mixedNet);
  const found = parameterMultipliers(
    [
      { match: "6.weight", lr: 0.5 },
      { match: "6.*", weightDecay: 0 },
      { match: ["bias", "norm"], weightDecay: 0.25 },
    ],
    parameters,
  )!;
  expect(Object.fromEntries([...found].map(([name, m]) => [name, [m.lr, m.weightDecay]]))).toEqual({
    "0.weight": [1, 1],
    "0.bias": [1, 0.25],
    "3.weight": [1, 1],
    "3.bias": [1, 0.25],
    "4.weight": [1, 0.25],
    "4.bias": [1, 0.25],
    "6.weight": [0.5, 1],
    "6.bias": [1, 0],
  });
  expect(parameterMultipliers([], parameters)).toBeNull();
  // A dot is a dot.
  expect(() => parameterMultipliers([{ match: "0xweight", lr: 0 }], parameters)).toThrow(/"0xweight" matches no/);
});

test.each([
  [{ match: "7.weight" }, /"7.weight" matches no parameter; there are 0.weight, 0.bias/],
  [{ match: [] }, /match must be names or roles, got \[\]/],
  [{ match: "bias", lr: -1 }, /lr of "bias" must be a factor of at least 0, got -1/],
  [{ match: "bias", weightDecay: Number.NaN }, /weightDecay of "bias" must be a factor of at least 0, got NaN/],
])("%j is refused by name", async (group, message) => {
  await expect(createTrainer(wasm, { ...options, groups: [group] })).rejects.toThrow(message);
});
