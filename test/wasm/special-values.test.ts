import { describe, expect, test } from "vitest";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { conformInputs } from "../../src/check/conformance.ts";
import { type NdArray, ndarray } from "../../src/core/ndarray.ts";
import { Graph } from "../../src/graph/graph.ts";
import type { AnyOp } from "../../src/graph/op.ts";
import { activations } from "../../src/ops/elementwise/activations.ts";
import { lazyActivations } from "../../src/ops/elementwise/lazy-activations.ts";
import { matmul } from "../../src/ops/matmul/matmul.ts";
import { opNamed } from "../shared/gpu.ts";
import { finite, large, MAX, special } from "../shared/special.ts";

const backend = await wasmBackend();
const vector = (values: readonly number[]): NdArray => ndarray([values.length], "f32", values);

async function once(op: AnyOp, inputs: readonly NdArray[], attrs: unknown): Promise<NdArray> {
  const g = new Graph();
  const y = g.one(
    op,
    inputs.map((x, i) => g.variable(`input ${i}`, x)),
    attrs,
  );
  g.keep(y);
  const executor = await backend.compile(g);
  const [result] = await executor.run(1, [y]);
  executor.dispose();
  return result!;
}

describe.each(Object.entries({ ...activations, ...lazyActivations }))("%s", (_name, { spec, forward, backward }) => {
  const attrs = { alpha: spec.defaultAlpha ?? 0 };

  test("finite in, finite out, inside the bound, from 0 to the largest f32", async () => {
    // What selu gives for the largest f32 is beyond it.
    const x = vector([...finite, ...large].filter((v) => Math.abs(spec.fn(v, attrs.alpha)) <= MAX));
    expect([...(await once(forward, [x], attrs)).data].every(Number.isFinite)).toBe(true);
    expect((await conformInputs(backend, forward, [x], attrs)).reason).toBe("");
  });

  test("so is the gradient", async () => {
    const points = [...finite, 1e4, -1e4];
    const v = vector(spec.of === "y" ? points.map((x) => spec.fn(x, attrs.alpha)) : points);
    const dy = vector(points.map((_, i) => (i % 2 ? -1.5 : 0.75)));
    expect((await conformInputs(backend, backward, [dy, v], attrs)).reason).toBe("");
  });

  test("NaN and infinity come out as the reference has them, alone and in fours", async () => {
    for (const x of [...special.map((v) => vector([v])), vector([...special, 1]), vector([1, 1, 1, 1, ...special])]) {
      const [exact] = forward.reference([x], attrs);
      const y = await once(forward, [x], attrs);
      y.data.forEach((value, i) => {
        if (Number.isFinite(exact!.data[i]!)) expect(Math.abs(value - exact!.data[i]!)).toBeLessThan(1e-6);
        else expect(value, `${x.data[i]}`).toBe(exact!.data[i]);
      });
    }
  });

  test("a gradient that is not finite stays so, whatever the slope", async () => {
    const v = vector([0.5, 0.5, 0.5, 0, 0.5]);
    const dy = vector([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 1]);
    const [exact] = backward.reference([dy, v], attrs);
    const dx = await once(backward, [dy, v], attrs);
    expect(Array.from(dx.data, Number.isFinite)).toEqual(Array.from(exact!.data, Number.isFinite));
    expect(Array.from(dx.data, Number.isNaN)).toEqual(Array.from(exact!.data, Number.isNaN));
  });
});

describe("rows", () => {
  const logits = ndarray([4, 3], "f32", [1e4, -1e4, 0, 89, -89, 0, MAX, 0, -1, -0, 0, 1e-40]);
  const labels = ndarray([4], "i32", [1, 0, 0, 2]);
  const one = ndarray([1], "f32", [1]);

  test.each([
    ["softmax", [logits]],
    ["logSoftmax", [logits]],
    ["crossEntropy", [logits, labels]],
    ["crossEntropyGradient", [logits, labels, one]],
  ] as const)("%s of extreme logits stays inside its bound", async (name, inputs) => {
    expect((await conformInputs(backend, opNamed(name), inputs, null)).reason).toBe("");
  });

  test.each([3, 9])("a NaN among %i logits makes loss and gradient NaN, never a number", async (N) => {
    const x = ndarray(
      [1, N],
      "f32",
      Float32Array.from({ length: N }, (_, i) => (i === 1 ? Number.NaN : i)),
    );
    const label = ndarray([1], "i32", [0]);
    expect((await once(opNamed("crossEntropy"), [x, label], null)).data[0]).toBeNaN();
    const dx = await once(opNamed("crossEntropyGradient"), [x, label, one], null);
    expect([...dx.data].every(Number.isNaN)).toBe(true);
  });
});

test.each([
  ["packed", 100, 120, 100],
  ["direct", 3, 20, 5],
])("a NaN in a %s product reaches its whole row, and only that", async (_name, M, K, N) => {
  const a = ndarray([M, K], "f32", new Float32Array(M * K).fill(1));
  a.data[K + 5] = Number.NaN;
  const b = ndarray([K, N], "f32", new Float32Array(K * N).fill(0.5));
  const c = await once(matmul, [a, b], null);
  expect(Array.from(c.data, Number.isNaN)).toEqual(Array.from({ length: M * N }, (_, i) => i >= N && i < 2 * N));
});

test("the largest f32 squared is not infinite for the statistics of gradients, and infinity is marked", async () => {
  const op = opNamed("gradientStats");
  for (const [value, bad] of [
    [1e19, 0],
    [Number.NaN, 1],
    [Number.NEGATIVE_INFINITY, 1],
  ] as const) {
    for (const at of [0, 6]) {
      const g = vector(Array.from({ length: 7 }, (_, i) => (i === at ? value : 1)));
      const stats = await once(op, [g], null);
      expect(stats.data[1]).toBe(bad);
      expect(stats.data[0]).toBe(op.reference([g], null)[0]!.data[0]);
    }
  }
});

test("a NaN in a group of channels is its largest, and its maxout is NaN", async () => {
  for (const at of [0, 1, 2]) {
    const x = ndarray([1, 3, 2], "f32", [1, 1, 2, 2, 3, 3]);
    x.data[2 * at] = Number.NaN;
    const y = await once(opNamed("maxout"), [x], { pieces: 3 });
    expect([...y.data]).toEqual([Number.NaN, 3]);
  }
});
