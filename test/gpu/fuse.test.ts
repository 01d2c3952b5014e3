import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { WebGpuExecutor } from "../../src/backend/webgpu/executor.ts";
import { compare } from "../../src/core/compare.ts";
import { type NdArray, ndarray } from "../../src/core/ndarray.ts";
import { normals } from "../../src/core/philox.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { initialise } from "../../src/nn/initialise.ts";
import type { ModelSpec } from "../../src/nn/model-spec.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { fuse } from "../../src/ops/fuse.ts";
import { type TrainingGraph, trainingGraph } from "../../src/train/run/training-graph.ts";
import { openGpu } from "../shared/gpu.ts";
import { mixedNet, ring } from "../shared/problems.ts";

let gpu: WebGpuBackend;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.dispose());

const classifier = mlp([12, 24, 20, 3], "relu", "crossEntropy");
const regression = mlp([12, 24, 20, 3], "silu", "mse");

function mlp(sizes: readonly number[], activation: string, loss: string): ModelSpec {
  const layers = sizes.slice(1).flatMap((out, i) => {
    const linear = { type: "linear", in: sizes[i]!, out };
    return i < sizes.length - 2 ? [linear, { type: activation }] : [linear];
  });
  return parseModel({ layers, loss });
}

/** A residual block of dense layers that ends with the activation. */
const block = (end: string): ModelSpec =>
  parseModel({
    layers: [
      { type: "linear", in: 12, out: 6, name: "in" },
      { type: "linear", in: 6, out: 6 },
      { type: "add", from: ["in", "1"] },
      { type: end },
      { type: "linear", in: 6, out: 3 },
    ],
    loss: "crossEntropy",
  });

function dataFor(model: ModelSpec): { x: NdArray; y: NdArray } {
  const n = 40;
  const x = ndarray([n, 12], "f32", normals(5, 4, 0, n * 12));
  if (model.loss !== "crossEntropy") return { x, y: ndarray([n, 3], "f32", normals(5, 4, 1, n * 3)) };
  const labels = Int32Array.from({ length: n }, (_, i) => (x.data[12 * i]! > 0 ? 2 : i % 2));
  return { x, y: ndarray([n], "i32", labels) };
}

function graphOf(model: ModelSpec, data: { x: NdArray; y: NdArray }, batch: number | "full"): Promise<TrainingGraph> {
  return trainingGraph({
    model,
    weights: initialise(model, 2),
    ...data,
    rows: data.x.shape[0]!,
    batch,
    streams: false,
    optimizer: { type: "adam", lr: 0.01 },
    schedule: { type: "constant" },
    clip: 1,
    seed: 9,
    maxBufferSize: gpu.limits.maxBufferSize,
  });
}

const names = (g: Graph): readonly string[] => fuse(g).flatMap((n) => (n.op.view ? [] : [n.op.name]));

describe("fusing", () => {
  test("a residual sum and the rectifier behind it are one dispatch, unless something else looks at the sum", async () => {
    const namesOf = async (end: string) => names((await graphOf(block(end), dataFor(classifier), "full")).graph);
    expect(await namesOf("relu")).toContain("addActivation");
    expect(await namesOf("relu")).not.toContain("relu");
    // gelu's derivative is of its input.
    expect(await namesOf("gelu")).not.toContain("addActivation");
  });

  test("a step of three layers is thirteen dispatches", async () => {
    const g = (await graphOf(classifier, dataFor(classifier), 8)).graph;
    expect(names(g)).toEqual([
      "drawBatch",
      ...["linear", "linear", "linear"],
      "crossEntropyWithGradient",
      ...["linearWeightGradient", "linearInputGradient", "linearWeightGradient"],
      ...["linearInputGradient", "linearWeightGradient"],
      "gradientStats",
      "controlAndRecord",
      "adam",
    ]);
    const executor = await WebGpuExecutor.compile(gpu.gpu, g, { nodes: fuse(g), onChip: false });
    expect(executor.description).toBe("13 dispatches a step");
    executor.dispose();
  });

  test("what something else still looks at stays: dropout reads the cursor, silu's gradient its input", async () => {
    const mixed = names((await graphOf(mixedNet, ring(40), 8)).graph);
    expect(mixed).toContain("dropout");
    expect(mixed).toContain("controlAndRecord");
    const silu = names((await graphOf(regression, dataFor(regression), 8)).graph);
    expect(silu.filter((n) => n === "silu")).toHaveLength(2);
    expect(silu).toContain("linearInputGradient");
    expect(silu).toContain("mseWithGradient");
  });

  test.each([
    ["classifier", classifier, dataFor(classifier), 8],
    ["regression, full batch", regression, dataFor(regression), "full"],
    ["dropout and normalisation", mixedNet, ring(40), 8],
    ["a row at a time", classifier, dataFor(classifier), 1],
    ["a residual block", block("tanh"), dataFor(classifier), 8],
  ] as const)("fused and unfused train alike: %s", async (_name, model, data, batch) => {
    const results: NdArray[][] = [];
    for (const fused of [true, false]) {
      const { graph, ring: losses, groups } = await graphOf(model, data, batch);
      const executor = await gpu.compile(graph, { onChip: false, ...(fused ? { nodes: fuse(graph) } : {}) });
      results.push([...(await executor.run(12, [losses, ...groups.map((g) => g.flat)]))]);
      executor.dispose();
    }
    const [fused, unfused] = results as [NdArray[], NdArray[]];
    expect(unfused[0]!.data.slice(0, 48).some((v) => v !== 0)).toBe(true);
    fused.forEach((value, i) => {
      expect(compare(value, unfused[i]!, null).normRelative).toBeLessThan(2e-5);
    });
  });
});
