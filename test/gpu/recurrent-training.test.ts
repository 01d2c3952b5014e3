import { expect, test } from "vitest";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { ndarray } from "../../src/core/ndarray.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import { openGpu } from "../shared/gpu.ts";

test.each(["lstm", "gru", "rnn"])("%s trains on the device as on the CPU", async (type) => {
  const layers = [{ type, in: 3, out: 5 }, { type: "lastStep" }, { type: "linear", in: 5, out: 2 }];
  const model = parseModel({ input: [4, 3], layers, loss: "crossEntropy" });
  const x = ndarray(
    [8, 12],
    "f32",
    Float32Array.from({ length: 96 }, (_, i) => Math.sin(i * 1.7)),
  );
  const y = ndarray([8], "i32", [0, 1, 1, 0, 1, 0, 0, 1]);
  const losses: number[][] = [];
  for (const backend of [await openGpu(), await wasmBackend({ threads: 1 })]) {
    const options = { model, data: { x, y }, batch: 8, seed: 3, optimizer: { type: "adam", lr: 0.05 } } as const;
    const trainer = await createTrainer(backend, options);
    const own: number[] = [];
    for await (const { loss } of trainer.run({ steps: 20 })) own.push(loss);
    losses.push(own);
    trainer.dispose();
    backend.dispose();
  }
  const [device, cpu] = losses as [number[], number[]];
  expect(device.at(-1)).toBeLessThan(device[0]!);
  for (const [i, loss] of device.entries()) expect(loss).toBeCloseTo(cpu[i]!, 4);
});
