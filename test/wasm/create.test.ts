import { afterEach, expect, test, vi } from "vitest";
import { tanh } from "../../src/nn/layers/activation.ts";
import { linear } from "../../src/nn/layers/linear.ts";
import { sequential } from "../../src/nn/sequential.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import { ring } from "../shared/problems.ts";

const model = sequential([linear(2, 8), tanh(), linear(2)], { loss: "crossEntropy" });
const options = { model, data: ring(50), batch: "full" } as const;
afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

test("without a GPU the trainer runs on the CPU, and takes its backend along", async () => {
  const trainer = await createTrainer(options);
  expect(trainer.backend.kind).toBe("cpu");
  expect(trainer.backend.description).toContain("WebAssembly");
  expect(trainer.stepsTaken).toBe(0);
  expect((await trainer.step()).step).toBe(1);
  trainer.dispose();
  trainer.dispose();
  await expect(createTrainer(trainer.backend, options)).rejects.toMatchObject({ code: "disposed" });
});

test("a GPU that gives no adapter is done without; options that cannot be meant are not", async () => {
  const gpu = { requestAdapter: async () => null } as unknown as GPU;
  const trainer = await createTrainer({ ...options, gpu });
  expect(trainer.backend.kind).toBe("cpu");
  trainer.dispose();
  await expect(createTrainer({ ...options, batch: 0 })).rejects.toMatchObject({ code: "usage" });
  const wrong = { ...options, data: ring(0) };
  await expect(createTrainer(wrong)).rejects.toMatchObject({ code: "data" });
});

test("an engine without Symbol.dispose trains all the same, and dispose() works", async () => {
  // Symbol as such an engine has it.
  const whole = Symbol;
  const bare = Object.defineProperties(
    (text?: string) => whole(text),
    Object.fromEntries(
      Object.entries(Object.getOwnPropertyDescriptors(whole)).filter(([name]) => !/^(asyncD|d)ispose$/.test(name)),
    ),
  );
  vi.stubGlobal("Symbol", bare);
  vi.resetModules();
  const library = await import("../../src/index.ts");
  const trainer = await library.createTrainer({ ...options, gpu: null });
  expect((await trainer.step()).loss).toBeGreaterThan(0);
  trainer.dispose();
  await expect(trainer.step()).rejects.toMatchObject({ code: "disposed" });
});
