import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { compare, comparisonText } from "../../src/core/compare.ts";
import { type NdArray, ndarray } from "../../src/core/ndarray.ts";
import { normals, randomWord, STREAM } from "../../src/core/philox.ts";
import { Graph } from "../../src/graph/graph.ts";
import { matmul, transposeMatmul } from "../../src/ops/matmul/matmul.ts";
import { product, productGate } from "../../src/ops/matmul/reference.ts";
import { times } from "../shared/thorough.ts";

const builds = [
  ["plain", await wasmBackend({ relaxed: false, threads: 2 })],
  ["the engine's best", await wasmBackend()],
  ["unshared memory", await wasmBackend({ shared: false })],
] as const;
type Form = "NN" | "NT" | "TN";
type Draw = (shape: readonly [number, number], step: number) => NdArray;

const normal: Draw = (shape, step) =>
  ndarray(
    shape,
    "f32",
    normals(1, STREAM.check, step, Math.ceil((shape[0] * shape[1]) / 2) * 2).subarray(0, shape[0] * shape[1]),
  );
const whole: Draw = (shape, step) =>
  ndarray(
    shape,
    "f32",
    Float32Array.from({ length: shape[0] * shape[1] }, (_, i) => (randomWord(1, STREAM.check, step, i) % 17) - 8),
  );

async function both(backend: (typeof builds)[number][1], form: Form, M: number, N: number, K: number, draw: Draw) {
  const a = draw(form === "TN" ? [K, M] : [M, K], 1);
  const b = draw(form === "NT" ? [N, K] : [K, N], 2);
  const g = new Graph();
  const inputs = [g.variable("a", a), g.variable("b", b)];
  const c =
    form === "NN"
      ? g.one(matmul, inputs, null)
      : g.one(transposeMatmul, inputs, { transpose: form === "NT" ? "b" : "a" });
  g.keep(c);
  const executor = await backend.compile(g);
  const [computed] = await executor.run(1, [c]);
  executor.dispose();
  const wide = (x: NdArray): NdArray => ({ ...x, dtype: "f64", data: Float64Array.from(x.data) });
  return { a, b, computed: computed!, exact: product(form, wide(a), wide(b)) };
}

describe.each(builds)("%s", (_name, backend) => {
  test.each<Form>(["NN", "NT", "TN"])(
    "%s: around every edge of panels, tiles and depth, inside the tight gate",
    async (form) => {
      const sizes = fc.tuple(
        fc.constantFrom(1, 2, 5, 6, 7, 11, 12, 13, 71, 72, 73, 145),
        fc.constantFrom(1, 3, 7, 8, 9, 15, 16, 17, 127, 128, 129),
        fc.constantFrom(1, 2, 3, 4, 15, 16, 17, 255, 256, 257, 515),
      );
      await fc.assert(
        fc.asyncProperty(sizes, async ([M, N, K]) => {
          const { a, b, computed, exact } = await both(backend, form, M, N, K, normal);
          const c = compare(computed, exact, productGate(form, [a, b], exact));
          expect(c.pass, `${form} ${M}x${N}x${K} ${comparisonText(c)}`).toBe(true);
        }),
        { seed: 7, numRuns: times(20, 60) },
      );
    },
    60_000,
  );

  test.each<Form>(["NN", "NT", "TN"])("%s: whole numbers match bit for bit", async (form) => {
    for (const [M, N, K] of [
      [1, 33, 40],
      [64, 70, 300],
      [90, 150, 70],
    ] as const) {
      const { computed, exact } = await both(backend, form, M, N, K, whole);
      expect([...computed.data]).toEqual([...exact.data]);
    }
  });
});
