import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { type WebGpuBackend, webgpuBackend } from "../../src/backend/webgpu/backend.ts";
import { isSettled } from "../../src/backend/webgpu/tuner-candidates.ts";
import { ndarray } from "../../src/core/ndarray.ts";
import { normals } from "../../src/core/philox.ts";
import { relu } from "../../src/nn/layers/activation.ts";
import { linear } from "../../src/nn/layers/linear.ts";
import { sequential } from "../../src/nn/sequential.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import type { Trainer } from "../../src/train/trainer.ts";

/** On SwiftShader the first step has kernels that compile quickly; its number alone decides. */

const [ROWS, INPUTS, HIDDEN, CLASSES] = [64, 64, 256, 5];
const model = sequential([linear(INPUTS, HIDDEN), relu(), linear(128), relu(), linear(CLASSES)], {
  loss: "crossEntropy",
});
const data = {
  x: ndarray([ROWS, INPUTS], "f32", normals(7, 4, 0, ROWS * INPUTS)),
  y: ndarray(
    [ROWS],
    "i32",
    Int32Array.from({ length: ROWS }, (_, i) => i % CLASSES),
  ),
};
const options = { model, data, batch: "full", optimizer: { type: "adam", lr: 0.001 } } as const;

/** A backend of its own, and the names of what it has compiled, in order. */
async function watched(edit = (code: string): string => code): Promise<{ gpu: WebGpuBackend; compiled: string[] }> {
  const gpu = await webgpuBackend(navigator.gpu);
  const { device } = gpu.gpu;
  const compiled: string[] = [];
  const [compile, module] = [device.createComputePipelineAsync.bind(device), device.createShaderModule.bind(device)];
  device.createComputePipelineAsync = (d) => {
    compiled.push(d.label!);
    return compile(d);
  };
  device.createShaderModule = (d) => module({ ...d, code: edit(d.code) });
  return { gpu, compiled };
}

async function losses(trainer: Trainer, steps: number): Promise<number[]> {
  const out: number[] = [];
  for await (const m of trainer.run({ steps })) out.push(m.loss);
  return out;
}

const weights = async (trainer: Trainer): Promise<number[][]> =>
  [...(await trainer.parameters()).values()].map(({ data }) => Array.from(data));

const packed = (names: readonly string[]): readonly string[] => names.filter((n) => n.endsWith("/packed-quads"));

describe("the first step of a run", () => {
  let gpu: WebGpuBackend;
  let compiled: string[];
  /** Every step by the kernels of all but the first. */
  let throughout: Backend;
  beforeAll(async () => {
    ({ gpu, compiled } = await watched());
    throughout = { ...gpu, compile: (g, o) => gpu.compile(g, { ...o, cursor: null }) };
  });
  afterAll(() => gpu.dispose());

  test("waits for kernels that compile quickly, and nobody for others who takes one step alone", async (ctx) => {
    if (!isSettled("linear/packed-quads", gpu.gpu.caps)) return ctx.skip();
    const trainer = await createTrainer(gpu, options);
    const [first] = await losses(trainer, 1);
    const before = trainer.memory();
    expect(packed(compiled)).toEqual([]);
    // One pipeline for all products, whatever they are of.
    expect(compiled.filter((n) => n.endsWith("/strided"))).toEqual(["linear/strided"]);
    expect(compiled).toContain("controlAndRecord/one-quad");
    const [second] = await losses(trainer, 1);
    expect(packed(compiled).length).toBeGreaterThan(2);
    expect(compiled).not.toContain("controlAndRecord/one");
    expect(second).toBeLessThan(first!);
    expect(trainer.memory()).toEqual(before);
    trainer.dispose();
  });

  test("is the first however a run comes to it: begun again, gone on with, cut in pieces, the bits are the same", async (ctx) => {
    if (!isSettled("linear/packed-quads", gpu.gpu.caps)) return ctx.skip();
    const trainer = await createTrainer(gpu, options);
    const whole = await losses(trainer, 4);
    const end = await weights(trainer);
    trainer.reset();
    expect(await losses(trainer, 1)).toEqual(whole.slice(0, 1));
    const one = await trainer.state();
    expect([...(await losses(trainer, 1)), ...(await losses(trainer, 2))]).toEqual(whole.slice(1));
    expect(await weights(trainer)).toEqual(end);
    trainer.restore(one);
    expect(await losses(trainer, 3)).toEqual(whole.slice(1));
    // One that has never taken it, but goes on from there.
    const later = await createTrainer(gpu, options);
    later.restore(one);
    expect(await losses(later, 3)).toEqual(whole.slice(1));
    expect(await weights(later)).toEqual(end);
    const other = await createTrainer(throughout, options);
    await losses(other, 1);
    expect(await weights(other)).not.toEqual([...one.parameters.values()].map(({ data }) => Array.from(data)));
    for (const t of [trainer, later, other]) t.dispose();
  });
});

test("a kernel that is wrong, and compiled only behind the first step, is left out all the same", async (ctx) => {
  const { gpu } = await watched((code) => code.replaceAll("quadSwapX", "quadSwapY"));
  if (!isSettled("linear/packed-quads", gpu.gpu.caps)) return ctx.skip();
  const trainer = await createTrainer(gpu, options);
  const exact = await createTrainer(referenceBackend("f64"), options);
  const [found, expected] = [await losses(trainer, 3), await losses(exact, 3)];
  found.forEach((loss, i) => {
    expect(Math.abs(loss - expected[i]!)).toBeLessThan(1e-4);
  });
  expect(packed([...gpu.gpu.wrong.keys()]).length).toBeGreaterThan(2);
  for (const t of [trainer, exact]) t.dispose();
  gpu.dispose();
});
