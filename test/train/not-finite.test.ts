import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { ndarray } from "../../src/core/ndarray.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import { openGpu } from "../shared/gpu.ts";

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

const model = parseModel({ layers: [{ type: "linear", in: 2, out: 2, bias: false }], loss: "sumSquaredError" });
/** Row 2 overflows f32 when its square is taken; the others are harmless. */
const x = ndarray([4, 2], "f32", [1, 0, 0, 1, 3e38, 3e38, 1, 1]);
const y = ndarray([4, 2], "f32", [0, 0, 0, 0, 0, 0, 0, 0]);
const weights = new Map([["0.weight", ndarray([2, 2], "f32", [1, 1, 1, 1])]]);
const options = {
  model,
  data: { x, y },
  weights,
  batch: 1,
  optimizer: { type: "sgd", lr: 0.01, momentum: 0.9 },
} as const;

describe.each([
  ["WebGPU", () => gpu],
  ["WebAssembly", () => wasm],
  ["reference", () => referenceBackend("f32")],
] as const)("%s", (_name, backend) => {
  test("a step that is not finite is reported and never reaches the weights", async () => {
    const trainer = await createTrainer(backend(), options);
    const skipped: number[] = [];
    for await (const m of trainer.run({ steps: 8, onNotFinite: "skip" })) {
      if (m.skipped) skipped.push(m.step);
      else expect(Number.isFinite(m.loss)).toBe(true);
    }
    // Two epochs of four rows: the bad row comes once in each.
    expect(skipped).toHaveLength(2);
    const weight = (await trainer.parameters()).get("0.weight")!;
    expect([...weight.data].every((v) => Number.isFinite(v) && Math.abs(v) < 1)).toBe(true);
    trainer.dispose();
  });

  test("by default the run stops there and says where it began", async () => {
    const trainer = await createTrainer(backend(), options);
    const run = async () => {
      for await (const m of trainer.run({ steps: 8 })) void m;
    };
    await expect(run()).rejects.toThrow(
      /step \d: the loss is .*: (0\.linear|loss) \[.*\] became (Infinity|-Infinity|NaN) first, computed by .*lower the learning rate/,
    );
    trainer.dispose();
  });
});
