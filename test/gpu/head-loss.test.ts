import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { type NdArray, ndarray, sizeOf } from "../../src/core/ndarray.ts";
import {
  embedding,
  freeze,
  initialise,
  linear,
  lora,
  type ModelSpec,
  sequential,
  tanh,
  tiedLinear,
} from "../../src/index.ts";
import { fuse } from "../../src/ops/fuse.ts";
import { unfused } from "../../src/ops/unfused.ts";
import * as steps from "../../src/train/f16/half-steps.ts";
import { headNote } from "../../src/train/memory/head-note.ts";
import { resolveOptions } from "../../src/train/run/options.ts";
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
  "a head with a bias": sequential([embedding(CLASSES, 4), tanh(), linear(CLASSES)], {
    input: [STEPS],
    loss: "crossEntropy",
  }),
  "a head alone that learns": freeze(
    sequential([embedding(CLASSES, 4, { name: "e" }), tanh(), linear(CLASSES)], {
      input: [STEPS],
      loss: "crossEntropy",
    }),
    ["e.*"],
  ),
};
const tokens = (k: number) => Int32Array.from({ length: BATCH * STEPS }, (_, i) => (i * k + (i >> 3)) % CLASSES);
const x = ndarray([BATCH, STEPS], "i32", tokens(31));
const y = ndarray(
  [BATCH, STEPS],
  "i32",
  tokens(7).map((label, i) => (i % 5 === 2 ? -100 : label)),
);

const graphOf = (model: ModelSpec, halved = false) =>
  trainingGraph({
    ...(halved && { halves: { lossScale: 1 }, steps }),
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
  const names = which === "WebGPU" && !thorough ? ["a head with a bias"] : Object.keys(nets);
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

test.each<[string, ModelSpec, string[]]>([
  ["fewer logits", { ...nets["a tied head"]!, input: [8] }, []],
  [
    "values that go through something more",
    sequential([embedding(CLASSES, 4), linear(CLASSES, { bias: false }), tanh()], {
      input: [STEPS],
      loss: "crossEntropy",
    }),
    ["all logits are in memory at once, since something else reads the logits"],
  ],
  [
    "a head with an adapter",
    lora(nets["a head with a bias"]!, { rank: 2, targets: ["2"] }),
    [expect.stringMatching(/^all logits are in memory at once, since the last layer's values come from addScaled/)],
  ],
])("%s: all logits at once, and it can be told why", async (_what, model, why) => {
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
  expect(unfused(plan.graph)).toEqual(why);
});

test.each(["a tied head", "a head with a bias"])(
  "%s in f16 reads halves, and its logits are chunks too",
  async (name) => {
    const cpu = await wasmBackend();
    const found: NdArray[][] = [];
    for (const halved of [true, false]) {
      const g = await graphOf(nets[name]!, halved);
      g.graph.keep(g.loss, ...g.flatGradients);
      const nodes = fuse(g.graph);
      const head = nodes.find((node) => node.op.name === (halved ? "halfHeadLoss" : "headLoss"))!;
      expect(head.inputs.slice(0, 2).map(({ dtype }) => dtype)).toEqual(halved ? ["f16", "f16"] : ["f32", "f32"]);
      expect(head.attrs.rows % (halved ? 128 : 64)).toBe(0);
      expect(unfused(g.graph)).toEqual([]);
      const executor = await cpu.compile(g.graph, { nodes });
      found.push([...(await executor.run(1, [g.loss, ...g.flatGradients]))]);
      executor.dispose();
    }
    found[0]!.forEach((half, i) => {
      const off = normError(half.data, found[1]![i]!.data);
      if (i > 0) expect(off).toBeGreaterThan(1e-6);
      expect(off).toBeLessThan(2e-3);
    });
    cpu.dispose();
  },
);

test("a run is told why its logits are all in memory, and nothing where they are not or are few", async () => {
  const noteOf = async (model: ModelSpec, data: { x: NdArray; y: NdArray }, rows: number) =>
    headNote(await resolveOptions({ model, data, batch: "full" }, referenceBackend("f32")), rows);
  expect(await noteOf(nets["a head with a bias"]!, { x, y }, BATCH)).toBeNull();
  const through = sequential([embedding(CLASSES, 4), linear(CLASSES), tanh()], {
    input: [STEPS],
    loss: "crossEntropy",
  });
  expect(await noteOf(through, { x, y }, BATCH)).toMatch(/^all logits are in memory at once, since something else/);
  expect(await noteOf(through, { x, y }, 1)).toBeNull();
  const classes = sequential([linear(1, 2 ** 16)], { loss: "crossEntropy" });
  const rows = { x: ndarray([64, 1], "f32", new Float32Array(64)), y: ndarray([64], "i32", new Int32Array(64)) };
  expect(await noteOf(classes, rows, 64)).toMatch(/since rows have a class each/);
});
