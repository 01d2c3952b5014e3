import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { ChainruleError } from "../../src/core/errors.ts";
import { planMemory } from "../../src/graph/memory-plan.ts";
import { relu } from "../../src/nn/layers/activation.ts";
import { adaptiveAvgPool2d } from "../../src/nn/layers/adaptive-pool.ts";
import { batchNorm } from "../../src/nn/layers/batch-norm.ts";
import { conv2d } from "../../src/nn/layers/conv.ts";
import { dropout } from "../../src/nn/layers/dropout.ts";
import { embedding } from "../../src/nn/layers/embedding.ts";
import { layerNorm } from "../../src/nn/layers/layer-norm.ts";
import { linear } from "../../src/nn/layers/linear.ts";
import { positionEmbedding } from "../../src/nn/layers/position-embedding.ts";
import { flatten } from "../../src/nn/layers/reshape.ts";
import type { ModelSpec } from "../../src/nn/model-spec.ts";
import { randomBatch } from "../../src/nn/random-batch.ts";
import { repeat, residual, sequential } from "../../src/nn/sequential.ts";
import { transformerBlock } from "../../src/nn/transformer-block.ts";
import { fuse } from "../../src/ops/fuse.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import { nodesOf, planOf } from "../../src/train/run/backend-run.ts";
import { resolveOptions, type TrainerOptions } from "../../src/train/run/options.ts";
import { asDispatches, openGpu } from "../shared/gpu.ts";
import { thorough } from "../shared/thorough.ts";

/**
 * With `recompute` a run takes less memory, and every loss, weight, moment and running statistic has the bits that it has
 * without.
 */
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

const gpt = (blocks: number, size: number, t: number, dropped: number): ModelSpec =>
  sequential(
    [
      embedding(11, size),
      positionEmbedding(),
      repeat(blocks, () => transformerBlock({ size, heads: 4, causal: true, dropout: dropped })),
      layerNorm(),
      linear(11),
    ],
    { input: [t], loss: "crossEntropy" },
  );

/** Blocks with batch norm, whose running statistics a second computation must leave alone, and one that halves the image. */
const resnet: ModelSpec = sequential(
  [
    conv2d(4, 3, { padding: 1 }),
    batchNorm(),
    relu(),
    repeat(3, (i) => [
      residual(
        [
          conv2d(4, 3, { padding: 1, stride: i === 1 ? 2 : 1, bias: false }),
          batchNorm(),
          relu(),
          dropout(0.2),
          conv2d(4, 3, { padding: 1, bias: false }),
          batchNorm({ momentum: i === 2 ? null : 0.1 }),
        ],
        i === 1 ? [conv2d(4, 1, { stride: 2, bias: false }), batchNorm()] : [],
      ),
      relu(),
    ]),
    adaptiveAvgPool2d(1),
    flatten(),
    linear(3),
  ],
  { input: [2, 8, 8], loss: "crossEntropy" },
);

const runs: Readonly<Record<string, TrainerOptions>> = {
  "a gpt with dropout": { model: gpt(3, 16, 12, 0.2), data: randomBatch(gpt(1, 16, 12, 0), 9, 1), batch: 3 },
  ...(thorough && {
    "the same in f16": {
      model: gpt(3, 16, 8, 0.1),
      data: randomBatch(gpt(1, 16, 8, 0), 8, 1),
      batch: 4,
      precision: "f16",
    },
  }),
  "a resnet": { model: resnet, data: randomBatch(resnet, 12, 1), batch: 6 },
  "a resnet, two batches a step, with an average and a penalty": {
    model: resnet,
    data: randomBatch(resnet, 12, 1),
    batch: 3,
    accumulate: 2,
    ema: { decay: 0.9 },
    penalty: { l2: 0.01 },
    clip: 0.5,
  },
};

/** WebGPU compiles for seconds, and f16 is held against f32 first: for every run only under `npm run test:all`. */
const backends = (name: string): readonly (readonly [string, () => Backend])[] => [
  ["WebAssembly", () => wasm],
  ...(name === "a gpt with dropout" || thorough ? ([["WebGPU", () => asDispatches(gpu)]] as const) : []),
  ...(thorough ? ([["f64", () => referenceBackend("f64")]] as const) : []),
];

async function outcome(backend: Backend, options: TrainerOptions) {
  const trainer = await createTrainer(backend, options);
  const losses: number[] = [];
  for await (const { loss } of trainer.run({ steps: 2 })) losses.push(loss);
  const state = await trainer.state();
  trainer.dispose();
  return { losses, state };
}

/** Nodes of a step that are there twice, by the names of their ops; and planned bytes of all values, without and with them. */
async function repeated(options: TrainerOptions): Promise<{ again: readonly string[]; bytes: readonly number[] }> {
  const resolved = await resolveOptions({ ...options, recompute: true }, wasm);
  const { plan } = await planOf(resolved);
  const before = new Set(fuse(plan.graph).map((node) => node.outputs[0]!.name));
  const nodes = await nodesOf(plan, resolved);
  const again = nodes.filter((node) => !before.has(node.outputs[0]!.name)).map((node) => node.op.name);
  const bytes = [fuse(plan.graph), nodes].map((list) =>
    planMemory(plan.graph, list, () => []).buffers.reduce((sum, buffer) => sum + buffer.bytes, 0),
  );
  return { again, bytes };
}

describe.each(Object.entries(runs))("%s", (name, options) => {
  test.each(backends(name))("has the same bits: %s", async (_, backend) => {
    expect(await outcome(backend(), { ...options, recompute: true })).toEqual(await outcome(backend(), options));
  });

  test("computes something again, and takes less", async () => {
    const { again, bytes } = await repeated(options);
    expect(bytes[1]!).toBeLessThan(bytes[0]!);
    const among = name.includes("f16") ? "halfAttention" : name.includes("gpt") ? "attention" : "batchNorm";
    expect(again).toContain(among);
    // The head and what stands behind the last block are kept: the way back begins with them.
    expect(again.filter((op) => op === "crossEntropy")).toEqual([]);
  });
});

test("twelve blocks take at most 0.45 of the memory, on either backend", async () => {
  const model = gpt(12, 64, 64, 0.1);
  const options = { model, data: randomBatch(model, 8, 1), batch: 8 };
  const bytes = async (backend: Backend, recompute: boolean): Promise<number> => {
    const trainer = await createTrainer(backend, { ...options, recompute });
    const { liveBytes } = trainer.memory();
    trainer.dispose();
    return liveBytes;
  };
  expect((await bytes(wasm, true)) / (await bytes(wasm, false))).toBeLessThan(0.45);
  const planned = async (recompute: boolean): Promise<number> => {
    const resolved = await resolveOptions({ ...options, recompute }, gpu);
    const { plan } = await planOf(resolved);
    return gpu.probeMemory!(plan.graph, await nodesOf(plan, resolved), []);
  };
  expect((await planned(true)) / (await planned(false))).toBeLessThan(0.45);
});

test("a net of one layer has nothing to compute again", async () => {
  const model = sequential([linear(2, 3)], { loss: "crossEntropy" });
  expect((await repeated({ model, data: randomBatch(model, 4, 1) })).again).toEqual([]);
});

test("a run that does not fit is told where it would", async () => {
  const model = gpt(6, 16, 16, 0);
  const options = { model, data: randomBatch(model, 8, 1), batch: 8 };
  const little = (capacity: number): Backend => {
    const probeMemory: NonNullable<Backend["probeMemory"]> = async (g, nodes) => {
      const bytes = planMemory(g, nodes, () => []).buffers.reduce((sum, buffer) => sum + buffer.bytes, 0);
      if (bytes > capacity) throw new ChainruleError("limit", "no room");
      return bytes;
    };
    const compile: Backend["compile"] = async (g, { nodes = g.nodes } = {}) => {
      await probeMemory(g, nodes, []);
      throw new Error("it fits");
    };
    return { ...wasm, compile, probeMemory };
  };
  const message =
    /^no room\. With recompute \(--recompute\) it would fit as it is, in (\d+) bytes\. A batch of \d would fit/;
  const { plan } = await planOf(await resolveOptions(options, wasm));
  const whole = await little(Number.POSITIVE_INFINITY).probeMemory!(plan.graph, fuse(plan.graph), []);
  const refused: Error = await createTrainer(little(whole - 1), options).then(
    () => expect.fail("it fits"),
    (error) => error,
  );
  expect(refused.message).toMatch(message);
  const bytes = Number(message.exec(refused.message)![1]);
  await expect(createTrainer(little(bytes), { ...options, recompute: true })).rejects.toThrow("it fits");
  await expect(createTrainer(little(bytes - 1), { ...options, recompute: true })).rejects.toThrow(
    /^no room\. A batch of \d would fit/,
  );
});

test("anything but true and false is refused", async () => {
  const model = sequential([linear(2, 3)], { loss: "crossEntropy" });
  const options = { model, data: randomBatch(model, 4, 1), recompute: 1 as never };
  await expect(createTrainer(wasm, options)).rejects.toThrow("recompute must be true or false, got 1");
});
