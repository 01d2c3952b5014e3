import { afterAll, beforeAll, expect, test } from "vitest";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { WebGpuExecutor } from "../../src/backend/webgpu/executor.ts";
import { ndarray, sizeOf } from "../../src/core/ndarray.ts";
import { normals } from "../../src/core/philox.ts";
import { backward } from "../../src/graph/backward.ts";
import { Graph, type Tensor } from "../../src/graph/graph.ts";
import { addChannelBias } from "../../src/ops/conv/channel-bias.ts";
import { conv, convInputGradient } from "../../src/ops/conv/conv.ts";
import { activations } from "../../src/ops/elementwise/activations.ts";
import { add } from "../../src/ops/elementwise/add.ts";
import { fuse } from "../../src/ops/fuse.ts";
import { sumSquaredError } from "../../src/ops/loss/losses.ts";
import { openGpu } from "../shared/gpu.ts";

let gpu: WebGpuBackend;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.dispose());

/** Two layers, the second a transposed one, and a loss. */
function smallNet(): { g: Graph; kept: readonly Tensor[] } {
  const g = new Graph();
  const drawn = (name: string, shape: readonly number[], step: number): Tensor =>
    g.variable(name, ndarray(shape, "f32", normals(5, 3, step, sizeOf(shape))));
  const x = drawn("x", [3, 2, 9, 8], 1);
  const parameters = [
    drawn("w1", [5, 2, 3, 3], 2),
    drawn("b1", [5], 3),
    drawn("w2", [5, 4, 2, 2], 4),
    drawn("b2", [4], 5),
  ];
  const [w1, b1, w2, b2] = parameters as [Tensor, Tensor, Tensor, Tensor];
  const attrs = {
    stride: [2, 1],
    padding: [
      [1, 1],
      [0, 1],
    ] as const,
    dilation: [1, 1],
    groups: 1,
  };
  const h = g.one(activations.relu!.forward, [g.one(addChannelBias, [g.one(conv, [x, w1], attrs), b1], null)], {
    alpha: 0,
  });
  const plain = {
    stride: [2, 2],
    padding: [
      [0, 0],
      [0, 0],
    ] as const,
    dilation: [1, 1],
    groups: 1,
  };
  const places = h.shape.slice(2).map((size) => 2 * size);
  const up = g.one(addChannelBias, [g.one(convInputGradient, [h, w2], { ...plain, places }), b2], null);
  const y = g.one(activations.tanh!.forward, [up], { alpha: 0 });
  const target = drawn("target", y.shape, 6);
  const loss = g.one(sumSquaredError.forward, [y, target], null);
  const seed = g.variable("seed", ndarray([1], "f32", [1]));
  const sum = (a: Tensor, b: Tensor) => g.one(add, [a, b], null);
  const gradients = backward(g, loss, seed, [x, ...parameters], sum);
  const kept = [loss, ...[x, ...parameters].map((t) => gradients.get(t)!)];
  g.keep(...kept);
  g.prune();
  return { g, kept };
}

test("layers become one kernel each, forward and back, and say what they said before", async () => {
  const { g, kept } = smallNet();
  const nodes = fuse(g);
  expect(nodes.map(({ op }) => op.name)).toEqual([
    ...["convLayer", "convTransposeLayer", "sumSquaredErrorWithGradient"],
    ...["tanhGradient", "sumChannels", "convWeightGradient", "convTransposeLayerInputGradient"],
    ...["convLayerWeightGradient", "convInputGradient"],
  ]);
  const read = async (options: object): Promise<readonly (readonly number[])[]> => {
    const executor = await WebGpuExecutor.compile(gpu.gpu, g, { ...options, onChip: false });
    const values = await executor.run(1, kept);
    executor.dispose();
    return values.map(({ data }) => [...data]);
  };
  const [fused, apart] = [await read({ nodes }), await read({})];
  fused.forEach((values, i) => {
    const size = Math.max(...apart[i]!.map(Math.abs));
    values.forEach((v, k) => {
      expect(Math.abs(v - apart[i]![k]!), `${kept[i]!.name} [${k}]`).toBeLessThan(1e-5 * size);
    });
  });
});
