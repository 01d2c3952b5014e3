import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { compare, comparisonText } from "../../src/core/compare.ts";
import { type NdArray, ndarray, sizeOf } from "../../src/core/ndarray.ts";
import { normals, STREAM } from "../../src/core/philox.ts";
import { Graph } from "../../src/graph/graph.ts";
import type { AnyOp } from "../../src/graph/op.ts";
import { type ConvAttrs, conv, convInputGradient, convWeightGradient } from "../../src/ops/conv/conv.ts";
import { forwardDims } from "../../src/ops/conv/dims.ts";
import { yShape } from "../../src/ops/conv/geometry.ts";
import { truth } from "../../src/proof/truth.ts";

const backends: Backend[] = [];
beforeAll(async () => {
  for (const threads of [1, 3]) backends.push(await wasmBackend({ threads }));
  backends.push(await wasmBackend({ threads: 1, relaxed: false }));
});
afterAll(() => {
  for (const b of backends) b.dispose();
});

const drawn = (shape: readonly number[], seed: number): NdArray =>
  ndarray(shape, "f32", normals(seed, STREAM.check, 0, sizeOf(shape)));

const attrs = (stride: number, padding: number, groups = 1): ConvAttrs => ({
  stride: [stride, stride],
  padding: [
    [padding, padding],
    [padding, padding],
  ],
  dilation: [1, 1],
  groups,
});

/** Large enough to be divided: by images, by rows of one image, by channels; over more than one block of terms and of rows. */
const large: readonly (readonly [what: string, x: readonly number[], w: readonly number[], attrs: ConvAttrs])[] = [
  ["many images", [20, 5, 13, 14], [26, 5, 3, 3], attrs(1, 1)],
  ["one image, cut into rows", [1, 6, 61, 33], [20, 6, 3, 3], attrs(1, 1)],
  ["one image, cut into rows, stride 2", [1, 5, 63, 66], [40, 5, 4, 3], attrs(2, 1)],
  ["more terms than a block", [2, 50, 5, 7], [14, 50, 3, 3], attrs(1, 1)],
  ["more rows than a block", [2, 20, 6, 7], [87, 20, 3, 3], attrs(1, 1)],
  ["tiles, of several bands and images", [2, 32, 17, 20], [33, 32, 3, 3], attrs(1, 1)],
  ["tiles of an image without a border", [1, 32, 12, 13], [35, 32, 3, 3], attrs(1, 0)],
  ["tiles of an image with a wide border", [2, 32, 9, 10], [32, 32, 3, 3], attrs(1, 2)],
  ["groups", [6, 12, 16, 17], [26, 6, 3, 3], attrs(1, 1, 2)],
];

type Applied = readonly [op: AnyOp, inputs: readonly NdArray[], attrs: unknown];

async function once(backend: Backend, [op, inputs, attrs]: Applied): Promise<NdArray> {
  const g = new Graph();
  const [y] = g.add(
    op,
    inputs.map((v, i) => g.variable(`input ${i}`, v)),
    attrs,
  );
  g.keep(y!);
  const executor = await backend.compile(g);
  const [value] = await executor.run(2, [y!]);
  executor.dispose();
  return value!;
}

const ops = (x: NdArray, w: NdArray, a: ConvAttrs): readonly Applied[] => {
  const dy = drawn(yShape(forwardDims([x, w], a), 4), 3);
  return [
    [conv, [x, w], a],
    [convInputGradient, [dy, w], { ...a, places: x.shape.slice(2) }],
    [convWeightGradient, [x, dy], { ...a, kernel: w.shape.slice(2) }],
  ];
};

describe.each(large)("%s", (_what, x, w, a) => {
  test.each(ops(drawn(x, 1), drawn(w, 2), a).map((o) => [o[0].name, o] as const))("%s", async (_name, o) => {
    const { outputs, bounds } = await truth(o[0], o[1], o[2], "cpu");
    for (const backend of backends) {
      const c = compare(await once(backend, o), outputs[0]!, bounds[0]!);
      expect(c.pass, `${backend.description}: ${comparisonText(c)}`).toBe(true);
    }
  });
});

test("any number of threads gives the same bits", async () => {
  const [, x, w, a] = large[0]!;
  for (const o of ops(drawn(x, 1), drawn(w, 2), a)) {
    const [one, three] = [await once(backends[0]!, o), await once(backends[1]!, o)];
    expect(new Uint32Array(three.data.buffer)).toEqual(new Uint32Array(one.data.buffer));
  }
});

test("large convolutions are divided, small ones are one call", () => {
  const parts = (x: readonly number[], w: readonly number[], a: ConvAttrs) =>
    ops(drawn(x, 1), drawn(w, 2), a).map(([op, inputs, opAttrs]) => {
      const specs = inputs.map(({ shape }) => ({ shape, dtype: "f32" as const }));
      return op.wasm!(specs, op.infer(specs, opAttrs), opAttrs)!.calls.at(-1)!.parts!;
    });
  expect(parts([2, 3, 7, 5], [4, 3, 3, 3], attrs(1, 1))).toEqual([1, 1, 1]);
  for (const [, x, w, a] of large.slice(0, 1)) expect(Math.min(...parts(x, w, a))).toBeGreaterThan(1);
  for (const [, x, w, a] of large.slice(1, 3)) expect(Math.min(...parts(x, w, a).slice(0, 2))).toBeGreaterThan(1);
});
