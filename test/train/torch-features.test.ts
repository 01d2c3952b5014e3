import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import type { TrainerOptions } from "../../src/train/run/options.ts";
import { asDispatches, openGpu } from "../shared/gpu.ts";
import { normError, type TorchArray, table, toArray, toParameters } from "../shared/torch.ts";

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

type Settings = Pick<TrainerOptions, "batch" | "optimizer" | "ema" | "penalty" | "groups" | "accumulate">;

interface FeatureCase extends Settings {
  readonly name: string;
  readonly model: unknown;
  readonly weights: Readonly<Record<string, TorchArray>>;
  readonly x: TorchArray;
  readonly y: TorchArray;
  readonly losses: readonly number[];
  readonly final: Readonly<Record<string, TorchArray>>;
  readonly average?: Readonly<Record<string, TorchArray>>;
}

describe.each([
  ["CPU f64", () => referenceBackend("f64"), 1e-9],
  ["WebGPU", () => gpu, 1e-4],
  ["WebGPU as dispatches", () => asDispatches(gpu), 1e-4],
  ["WebAssembly", () => wasm, 1e-4],
] as const)("twenty steps in PyTorch and on %s", (_name, backend, limit) => {
  test.each(table<FeatureCase>("features"))("$name", async (c) => {
    const { name: _, model, weights, x, y, losses, final, average, ...settings } = c;
    const trainer = await createTrainer(backend(), {
      ...settings,
      model: parseModel(model),
      weights: toParameters(weights),
      data: { x: toArray(x), y: toArray(y) },
    });
    for await (const { step, loss } of trainer.run({ steps: losses.length })) {
      const exact = losses[step - 1]!;
      expect(Math.abs(loss - exact) / exact, `loss of step ${step}`).toBeLessThan(limit);
    }
    for (const [which, wanted] of [
      ["last", final],
      ["average", average],
    ] as const) {
      if (!wanted) continue;
      const parameters = await trainer.parameters(which);
      for (const [name, exact] of toParameters(wanted)) {
        expect(normError(parameters.get(name)!.data, exact.data), `${which} ${name}`).toBeLessThan(limit);
      }
    }
    trainer.dispose();
  });
});
