import { afterAll, beforeAll, expect, test } from "vitest";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { chooseKernel } from "../../src/backend/webgpu/choose.ts";
import { WebGpuExecutor } from "../../src/backend/webgpu/executor.ts";
import { resnet20 } from "../../src/bench/image-nets.ts";
import { ndarray, sizeOf } from "../../src/core/ndarray.ts";
import { normals } from "../../src/core/philox.ts";
import { backward } from "../../src/graph/backward.ts";
import { Graph, type Node, type Tensor } from "../../src/graph/graph.ts";
import { forward } from "../../src/nn/forward.ts";
import { initialise } from "../../src/nn/initialise.ts";
import { relu, tanh } from "../../src/nn/layers/activation.ts";
import { batchNorm } from "../../src/nn/layers/batch-norm.ts";
import { conv2d } from "../../src/nn/layers/conv.ts";
import type { ModelSpec } from "../../src/nn/model-spec.ts";
import { modelTensors } from "../../src/nn/parameters.ts";
import { residual, sequential } from "../../src/nn/sequential.ts";
import { addChannelBias } from "../../src/ops/conv/channel-bias.ts";
import { conv, convInputGradient } from "../../src/ops/conv/conv.ts";
import { activations } from "../../src/ops/elementwise/activations.ts";
import { add } from "../../src/ops/elementwise/add.ts";
import { fuse } from "../../src/ops/fuse.ts";
import { sumSquaredError } from "../../src/ops/loss/losses.ts";
import { batchNormInference } from "../../src/ops/norm/batch-norm.ts";
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

/** What a net of images is in evaluation: the graph, its outputs, and the nodes that an executor runs. */
async function evaluated(model: ModelSpec, rows: number) {
  const g = new Graph();
  const size = sizeOf(model.input!);
  const x = g.variable("x", ndarray([rows, size], "f32", normals(5, 3, 1, rows * size)));
  const tensors = modelTensors(g, model, initialise(model, 1), 2 ** 28);
  const outputs = await forward(g, model, x, tensors, { training: false, seed: 0, cursor: null });
  g.keep(outputs);
  return { g, outputs, nodes: fuse(g) };
}
const namesOf = (nodes: readonly Node[]) => nodes.filter(({ op }) => !op.view).map(({ op }) => op.name);

test("in evaluation a layer of a residual net is one kernel: batch norm, residual and activation with it", async () => {
  const three = (stride: number) => conv2d(6, 3, { padding: 1, stride, bias: false });
  const shortCut = [conv2d(6, 1, { stride: 2, bias: false }), batchNorm()];
  const model = sequential(
    [
      [conv2d(6, 3, { padding: 1 }), batchNorm(), tanh()],
      [residual([three(2), batchNorm(), relu(), three(1), batchNorm()], shortCut), relu()],
      [residual([three(1), batchNorm(), relu(), three(1), batchNorm()]), relu()],
    ],
    { input: [2, 8, 6], loss: "mse" },
  );
  const { g, outputs, nodes } = await evaluated(model, 2);
  expect(namesOf(nodes)).toEqual(Array(6).fill("convLayer"));
  // Of the two layers that meet in the first sum the short cut comes last, and reads the other.
  expect(
    nodes.flatMap((n) => (n.op.view ? [] : `${n.inputs.length}${n.attrs.residual ? " with residual" : ""}`)),
  ).toEqual([...["6", "5", "5", "6 with residual"], ...["5", "6 with residual"]]);
  const read = async (given: readonly Node[]): Promise<readonly number[]> => {
    const executor = await WebGpuExecutor.compile(gpu.gpu, g, { nodes: given, onChip: false });
    const [values] = await executor.run(1, [outputs]);
    executor.dispose();
    return [...values!.data];
  };
  const [together, apart] = [await read(nodes), await read(g.nodes)];
  const size = Math.max(...apart.map(Math.abs));
  together.forEach((v, i) => {
    expect(Math.abs(v - apart[i]!)).toBeLessThan(1e-6 * size);
  });
});

test("twenty layers with short cuts are evaluated in 23 dispatches; without these layers they were 63", async () => {
  const { g, nodes } = await evaluated(resnet20, 1);
  const dispatches = (list: readonly Node[]): number =>
    list.filter(({ op }) => !op.view).reduce((sum, n) => sum + chooseKernel(n, gpu.gpu.caps).plan.launches.length, 0);
  for (const n of g.nodes) if (n.op === batchNormInference) Object.assign(n, { op: { ...n.op } });
  const before = dispatches(fuse(g));
  const now = dispatches(nodes);
  console.log(`an evaluation of resnet20: ${now} dispatches, ${before} with batch norms of their own`);
  expect([now, before]).toEqual([23, 63]);
});
