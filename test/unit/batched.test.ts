import { describe, expect, test } from "vitest";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { type NdArray, ndarray, type Shape, sizeOf } from "../../src/core/ndarray.ts";
import { normals } from "../../src/core/philox.ts";
import { batchedMatmul, customLayer, multiply, permute, reshape, softmax, type Tensor } from "../../src/custom.ts";
import { DEFAULT_CAPS } from "../../src/graph/op.ts";
import { attention, initialise, linear, sequential } from "../../src/index.ts";
import { batchedDims, batchedRuns } from "../../src/ops/matmul/batched-dims.ts";
import { gradientGraph } from "../../src/train/run/gradient-graph.ts";
import { normError } from "../shared/torch.ts";

const spec = (...shape: readonly number[]) => ({ shape, dtype: "f32" }) as const;
const runs = (a: Shape, b: Shape) => batchedRuns(batchedDims("NN", spec(...a), spec(...b)));

describe("which products a launch has", () => {
  test.each<[string, Shape, Shape, number[]]>([
    ["all, where nothing is broadcast", [2, 3, 4, 5], [2, 3, 5, 6], [6]],
    ["all, where one matrix serves all", [4, 5], [2, 3, 5, 6], [6]],
    ["all that share the first dimension's matrices", [2, 1, 4, 5], [2, 3, 5, 6], [3, 3]],
    ["of each matrix of a all of b", [2, 1, 4, 5], [1, 3, 5, 6], [3, 3]],
    [
      "all, where the first dimensions are broadcast along one after the other",
      [1, 1, 3, 4, 5],
      [2, 2, 1, 5, 6],
      [3, 3, 3, 3],
    ],
  ])("%s", (_what, a, b, counts) => {
    expect(runs(a, b).map(({ count }) => count)).toEqual(counts);
  });
});

test.each([
  [spec(2, 3, 4), spec(3, 4, 5), /leading dimensions that are equal, or 1, or not there/],
  [spec(2, 3, 4), spec(2, 5, 6), /the same K/],
  [spec(4), spec(4, 5), /\[\.\.\., M, K\]/],
])("shapes that do not fit are refused by name", (a, b, message) => {
  expect(() => batchedMatmul.infer([a, b], {})).toThrow(message);
  expect(() => batchedMatmul.infer([a, b], {})).toThrow(/batchedMatmul/);
});

test("what is more than a binding may show is bound in windows, each launch with as many products as fit", () => {
  const [a, b] = [spec(10, 30, 20), spec(10, 20, 40)];
  const naive = batchedMatmul.kernels[0]!;
  const [c] = batchedMatmul.infer([a, b], {});
  const caps = { ...DEFAULT_CAPS, maxStorageBufferBindingSize: 16384 };
  const { launches } = naive.plan([a, b], [c!], {}, caps)!;
  expect(launches.map(({ workgroups }) => workgroups[2])).toEqual([3, 3, 3, 1]);
  for (const { bindings } of launches) {
    for (const { offset, size } of bindings) {
      expect(offset! % 64).toBe(0);
      expect(size!).toBeLessThanOrEqual(4096);
    }
  }
  const little = { ...DEFAULT_CAPS, maxStorageBufferBindingSize: 2048 };
  expect(() => naive.plan([a, b], [c!], {}, little)).toThrow(/a matrix of 4800 bytes exceeds what this device binds/);
});

test("attention of user code, out of batches of products, has the values and gradients of the layer", async () => {
  const [T, heads, d] = [5, 2, 3];
  const size = heads * d;
  const composed = customLayer({
    name: "heads",
    in: [T, 3 * size],
    out: [T, size],
    build(g, x) {
      const n = x.shape[0]!;
      const parts = g.one(reshape, [x], { shape: [n, T, 3, heads, d] }, "parts");
      // [3, n, heads, T, d], one kind after the other.
      const kinds = g.one(permute, [parts], { order: [2, 0, 3, 1, 4] }, "kinds");
      const flat = g.one(reshape, [kinds], { shape: [3, n * heads * T * d] }, "flat");
      const kind = (k: number): Tensor => {
        const pick = g.variable(
          `pick ${k}`,
          ndarray(
            [1, 3],
            "f32",
            [0, 1, 2].map((i) => (i === k ? 1 : 0)),
          ),
        );
        const row = g.one(batchedMatmul, [pick, flat], {}, `kind ${k}`);
        return g.one(reshape, [row], { shape: [n, heads, T, d] }, `kind ${k}`);
      };
      const products = g.one(batchedMatmul, [kind(0), kind(1)], { transpose: "b" }, "products");
      const scale = g.variable(
        "scale",
        ndarray(products.shape, "f64", new Float64Array(sizeOf(products.shape)).fill(1 / Math.sqrt(d))),
      );
      const scores = g.one(multiply, [products, scale], null, "scores");
      const rows = g.one(reshape, [scores], { shape: [n * heads * T, T] }, "rows");
      const weights = g.one(softmax, [rows], null, "weights");
      const shaped = g.one(reshape, [weights], { shape: [n, heads, T, T] }, "weights");
      const heard = g.one(batchedMatmul, [shaped, kind(2)], {}, "heard");
      const steps = g.one(permute, [heard], { order: [0, 2, 1, 3] }, "steps");
      return g.one(reshape, [steps], { shape: [n, T, size] }, "heads");
    },
  });
  const own = sequential([linear(size, 3 * size), composed, linear(size, size)], { input: [T, size], loss: "mse" });
  const layer = sequential([attention({ heads })], { input: [T, size], loss: "mse" });
  const weights = initialise(layer, 1);
  const random = (shape: Shape, k: number): NdArray => ndarray(shape, "f64", normals(k, 9, 0, sizeOf(shape)));
  const named = (get: (name: string) => NdArray) =>
    new Map([
      ["0.weight", get("0.in_proj_weight")],
      ["0.bias", get("0.in_proj_bias")],
      ["2.weight", get("0.out_proj.weight")],
      ["2.bias", get("0.out_proj.bias")],
    ]);
  const [x, y] = [random([3, T * size], 2), random([3, T * size], 3)];
  const found: NdArray[][] = [];
  for (const [model, values] of [
    [own, named((name) => weights.get(name)!)],
    [layer, weights],
  ] as const) {
    const g = await gradientGraph(model, values, x, y, { seed: 1, maxBufferSize: 2 ** 28, ofInputs: true });
    const executor = await referenceBackend("f64").compile(g.graph, { nodes: g.graph.nodes });
    const [loss, output, dx] = await executor.run(1, [g.loss, g.outputs, g.gradients.get(g.x)!]);
    found.push([loss!, output!, dx!]);
  }
  found[0]!.forEach((value, i) => {
    expect(normError(value.data, found[1]![i]!.data)).toBeLessThan(1e-12);
  });
});
