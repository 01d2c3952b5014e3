import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { ndarray, sizeOf } from "../../src/core/ndarray.ts";
import { embedding, initialise, linear, type ModelSpec, sequential, tanh, tiedLinear } from "../../src/index.ts";
import { fuse } from "../../src/ops/fuse.ts";
import { trainingGraph } from "../../src/train/run/training-graph.ts";
import { asDispatches, openGpu } from "../shared/gpu.ts";
import { thorough } from "../shared/thorough.ts";
import { normError } from "../shared/torch.ts";

/** 2,056 steps with a class of 2,048 each: logits just enough for them not to lie in memory at once. */
const [CLASSES, STEPS, BATCH] = [2048, 257, 8];
const nets: Readonly<Record<string, ModelSpec>> = {
  "a tied head": sequential([embedding(CLASSES, 4, { name: "e" }), tanh(), tiedLinear("e", 4, CLASSES)], {
    input: [STEPS],
    loss: "crossEntropy",
  }),
  "a head of its own, smoothing": sequential([embedding(CLASSES, 4), tanh(), linear(CLASSES, { bias: false })], {
    input: [STEPS],
    loss: "crossEntropy",
    labelSmoothing: 0.1,
  }),
};
const tokens = (k: number) => Int32Array.from({ length: BATCH * STEPS }, (_, i) => (i * k + (i >> 3)) % CLASSES);
const x = ndarray([BATCH, STEPS], "i32", tokens(31));
const y = ndarray(
  [BATCH, STEPS],
  "i32",
  tokens(7).map((label, i) => (i % 5 === 2 ? -100 : label)),
);

const graphOf = (model: ModelSpec) =>
  trainingGraph({
    model,
    weights: initialise(model, 1),
    x,
    y,
    rows: BATCH,
    batch: "full",
    streams: false,
    optimizer: { type: "sgd", lr: 0.1 },
    schedule: { type: "constant" },
    clip: 0,
    seed: 1,
    maxBufferSize: 2 ** 28,
  });

describe.each([
  ["WebGPU", async () => asDispatches(await openGpu())],
  ["WebAssembly", wasmBackend],
] as const)("a head and its loss in chunks on %s", (which, open) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await open();
  });
  afterAll(() => backend.dispose());

  // A device on a CPU takes seconds for each: one there, unless all are asked for.
  const names = which === "WebGPU" && !thorough ? ["a tied head"] : Object.keys(nets);
  test.each(names)("%s: loss and gradients are those of all logits at once, in less memory", async (name) => {
    const found = [];
    for (const chunked of [true, false]) {
      const plan = await graphOf(nets[name]!);
      plan.graph.keep(plan.loss, ...plan.flatGradients);
      const nodes = chunked ? fuse(plan.graph) : [...plan.graph.nodes];
      expect(nodes.some((node) => node.op.name === "headLoss")).toBe(chunked);
      const executor = await backend.compile(plan.graph, { nodes });
      const values = await executor.run(1, [plan.loss, ...plan.flatGradients]);
      found.push({ values, bytes: executor.memory().liveBytes });
      executor.dispose();
    }
    const [chunks, whole] = found as [(typeof found)[0], (typeof found)[0]];
    whole.values.forEach((value, i) => {
      expect(normError(chunks.values[i]!.data, value.data)).toBeLessThan(2e-6);
    });
    const logits = 4 * BATCH * STEPS * CLASSES;
    expect(chunks.bytes).toBeLessThan(whole.bytes - logits / 2);
  });
});

test.each<[string, ModelSpec]>([
  ["fewer logits", { ...nets["a tied head"]!, input: [8] }],
  ["a bias", sequential([embedding(CLASSES, 4), linear(CLASSES)], { input: [STEPS], loss: "crossEntropy" })],
  [
    "a head whose values something else reads",
    sequential([embedding(CLASSES, 4), linear(CLASSES, { bias: false }), tanh()], {
      input: [STEPS],
      loss: "crossEntropy",
    }),
  ],
])("%s: all logits at once", async (_what, model) => {
  const few = sizeOf(model.input!) < STEPS;
  const plan = await trainingGraph({
    ...{ model, weights: initialise(model, 1), rows: BATCH, batch: "full", streams: false, seed: 1, clip: 0 },
    x: few ? ndarray([BATCH, 8], "i32", x.data.slice(0, 64)) : x,
    y: few ? ndarray([BATCH, 8], "i32", y.data.slice(0, 64)) : y,
    optimizer: { type: "sgd", lr: 0.1 },
    schedule: { type: "constant" },
    maxBufferSize: 2 ** 28,
  });
  const names = fuse(plan.graph).map((node) => node.op.name);
  expect(names).not.toContain("headLoss");
  expect(names).toContain("weightedCrossEntropyWithGradient");
});
