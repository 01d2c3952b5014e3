import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { checkLimits, chooseKernel } from "../../src/backend/webgpu/choose.ts";
import { conform } from "../../src/backend/webgpu/conform.ts";
import { ndarray, zeros } from "../../src/core/ndarray.ts";
import { Graph } from "../../src/graph/graph.ts";
import { DEFAULT_CAPS } from "../../src/graph/op.ts";
import { attention } from "../../src/ops/attention/attention.ts";
import { embedding } from "../../src/ops/embedding/embedding.ts";
import { matmul } from "../../src/ops/matmul/matmul.ts";
import { softmax } from "../../src/ops/norm/softmax.ts";
import { lstm } from "../../src/ops/recurrent/recurrent.ts";
import { proofOf } from "../../src/proof/proof-of.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import { openGpu, opNamed } from "../shared/gpu.ts";
import { mixedNet, ring } from "../shared/problems.ts";

let gpu: WebGpuBackend;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.dispose());

describe("a device that can bind only a kilobyte", () => {
  const caps = { ...DEFAULT_CAPS, maxStorageBufferBindingSize: 1024 };

  test.each(["relu", "tanhGradient", "add", "outerProduct", "sgd", "adam", "adamw", "rmsprop", "adagrad"])(
    "%s works in windows",
    async (name) => {
      const op = opNamed(name);
      const { cases } = await proofOf(op);
      for (const kernel of op.kernels) {
        for (const c of cases) {
          const result = await conform(gpu.gpu, op, kernel, c, { caps });
          if (result) expect(result.reason, `${kernel.name} ${c.name}`).toBe("");
        }
      }
    },
  );
});

describe("limits that no plan gets around are refused before any work, by name, bytes and limit", () => {
  function planned(g: Graph, caps: typeof DEFAULT_CAPS): void {
    checkLimits(g, new Map(g.nodes.map((node) => [node, chooseKernel(node, caps)])), caps);
  }
  const graph = (columns = 32): Graph => {
    const g = new Graph();
    g.keep(g.one(softmax, [g.variable("logits", zeros([64, columns], "f32"))], null, "probabilities"));
    return g;
  };

  test("a value of which not even the fewest rows fit that begin where a binding may", () => {
    const caps = { ...DEFAULT_CAPS, maxStorageBufferBindingSize: 4096 };
    planned(graph(), caps);
    expect(() => planned(graph(33), caps)).toThrow(
      /logits in softmax\/row needs 8448 bytes.*maxStorageBufferBindingSize of 4096/,
    );
  });

  const x = (g: Graph, name: string, ...shape: number[]) => g.variable(name, zeros(shape, "f32"));
  const attentionAttrs = { heads: 2, keyHeads: 2, causal: true, lengths: false, dropout: null };
  test.each([
    {
      what: "the queries, keys and values of attention",
      of: (g: Graph, n: number) => g.one(attention, [x(g, "qkv", n, 8, 24)], attentionAttrs),
      message: /qkv in attention\/block needs 15360 bytes.*maxStorageBufferBindingSize of 12288/,
    },
    {
      what: "the gates of a recurrence",
      of: (g: Graph, n: number) =>
        g.one(lstm, [x(g, "gates", n, 6, 32), x(g, "w", 32, 8), x(g, "b", 32), x(g, "c", 32)], { reverse: false }),
      message: /gates in lstm\/steps.* needs 15360 bytes.*maxStorageBufferBindingSize of 12288/,
    },
    {
      what: "the table of an embedding",
      of: (g: Graph, n: number) =>
        g.one(embedding, [g.variable("tokens", zeros([3], "i32")), x(g, "table", 12 * n, 16)], { paddingIndex: null }),
      message: /table in embedding\/flat needs 15360 bytes.*maxStorageBufferBindingSize of 12288/,
    },
  ])("$what", ({ of, message }) => {
    const caps = { ...DEFAULT_CAPS, maxStorageBufferBindingSize: 12288 };
    const planOf = (n: number) => () => {
      const g = new Graph();
      g.keep(of(g, n));
      planned(g, caps);
    };
    planOf(4)();
    expect(planOf(20)).toThrow(message);
  });

  test("a value larger than the largest buffer", () => {
    expect(() => planned(graph(), { ...DEFAULT_CAPS, maxBufferSize: 4096 })).toThrow(
      /logits needs 8192 bytes.*maxBufferSize of 4096/,
    );
  });

  test("more workgroups than the grid holds", () => {
    const caps = { ...DEFAULT_CAPS, maxComputeWorkgroupsPerDimension: 4 };
    expect(() => planned(graph(), caps)).toThrow(/softmax\/row needs 16 workgroups, more than this device's 4/);
  });

  test("a row of a product that is longer than a binding", () => {
    const g = new Graph();
    g.one(matmul, [g.variable("x", zeros([2, 4096], "f32")), g.variable("w", zeros([4096, 2], "f32"))], null);
    const caps = { ...DEFAULT_CAPS, maxStorageBufferBindingSize: 8192 };
    expect(() => planned(g, caps)).toThrow(/a row needs 16384 bytes.*maxStorageBufferBindingSize of 8192 bytes/);
  });
});

test("parameters spread over several buffers train to the same bits as in one", async () => {
  const small: Backend = { ...gpu, limits: { ...gpu.limits, maxBufferSize: 2048 } };
  const weights = [];
  for (const backend of [gpu, small]) {
    const trainer = await createTrainer(backend, { model: mixedNet, data: ring(100), batch: 20, seed: 4 });
    for await (const m of trainer.run({ steps: 40 })) void m;
    weights.push([...(await trainer.parameters())].map(([name, w]) => [name, [...w.data]]));
    trainer.dispose();
  }
  expect(weights[1]).toEqual(weights[0]);
  expect(weights[0]!.length).toBe(8);
});

test("with clipping, several buffers share one global norm", async () => {
  const small: Backend = { ...gpu, limits: { ...gpu.limits, maxBufferSize: 2048 } };
  const norms = [];
  for (const backend of [gpu, small]) {
    const trainer = await createTrainer(backend, { model: mixedNet, data: ring(100), batch: 20, seed: 4, clip: 0.1 });
    for await (const m of trainer.run({ steps: 1 })) norms.push(m.gradientNorm);
    trainer.dispose();
  }
  expect(Math.abs(norms[1]! - norms[0]!)).toBeLessThan(1e-5 * norms[0]!);
  expect(ndarray([1], "f32", [norms[0]!]).data[0]).toBeGreaterThan(0);
});
