import { describe, expect, test } from "vitest";
import { ndarray } from "../../../src/core/ndarray.ts";
import { Graph } from "../../../src/graph/graph.ts";
import type { AnyOp } from "../../../src/graph/op.ts";
import { adaptiveAvgPool, adaptiveAvgPoolGradient, avgPool, avgPoolGradient } from "../../../src/ops/pool/avg-pool.ts";
import { maxPool, maxPoolGradient } from "../../../src/ops/pool/max-pool.ts";
import { maxPoolGradient as maxGradientProof, maxPool as maxProof } from "../../../src/ops/pool/max-pool-proof.ts";

const f64 = (shape: readonly number[], values: readonly number[]) => ndarray(shape, "f64", values);
const spec = (...shape: number[]) => ({ shape, dtype: "f32" as const });
const windows = (kernel: number, stride: number, padding: number, ceil = false) => ({
  kernel: [kernel],
  stride: [stride],
  padding: [padding],
  ceil,
});
const max = (kernel: number, stride: number, padding: number, ceil = false, dilation = 1) => ({
  ...windows(kernel, stride, padding, ceil),
  dilation: [dilation],
});

describe("max pooling", () => {
  const pooled = (values: readonly number[], attrs: ReturnType<typeof max>) =>
    maxPool.reference([f64([1, 1, values.length], values)], attrs).map(({ data }) => [...data]);

  test("takes the first of equals", () => {
    expect(pooled([1, 3, 3, 2, 3, 3], max(3, 3, 0))).toEqual([
      [3, 3],
      [1, 4],
    ]);
  });

  test("padding is none of the places, not even among negative numbers", () => {
    expect(pooled([-5, -7, -9, -2], max(3, 2, 1))).toEqual([
      [-5, -2],
      [0, 3],
    ]);
  });

  test("ceil keeps a last window that begins inside, and drops one that begins in the padding", () => {
    expect(pooled([1, 2, 3, 4, 5, 6], max(3, 2, 0))[0]).toEqual([3, 5]);
    expect(pooled([1, 2, 3, 4, 5, 6], max(3, 2, 0, true))[0]).toEqual([3, 5, 6]);
    // 5 + 2 padded places: the third window of 2 by 3 begins at place 5, behind the last.
    expect(pooled([1, 2, 3, 4, 5], max(2, 3, 1, true))[0]).toEqual([1, 4]);
  });

  test("dilation takes every other place", () => {
    expect(pooled([9, 1, 2, 8, 3, 4], max(2, 1, 0, false, 3))).toEqual([
      [9, 3, 4],
      [0, 4, 5],
    ]);
  });

  test("NaN is larger than any number; of -Infinity alone the first", () => {
    const nan = Number.NaN;
    expect(pooled([1, nan, 5, nan, 7, 2], max(3, 3, 0))).toEqual([
      [nan, nan],
      [1, 3],
    ]);
    const low = Number.NEGATIVE_INFINITY;
    expect(pooled([low, low], max(2, 2, 0))).toEqual([[low], [0]]);
  });

  test("in two dimensions places are counted along rows, from the start of their own plane", () => {
    const x = f64([1, 2, 3, 3], [0, 0, 0, 0, 5, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 8]);
    const attrs = { kernel: [2, 2], stride: [1, 1], padding: [0, 0], dilation: [1, 1], ceil: false };
    const [y, index] = maxPool.reference([x], attrs);
    expect([...y!.data]).toEqual([5, 5, 5, 5, 9, 0, 0, 8]);
    expect([...index!.data]).toEqual([4, 4, 4, 4, 0, 1, 3, 8]);
    const dy = f64([1, 2, 2, 2], [1, 2, 4, 8, 1, 2, 4, 8]);
    const [dx] = maxPoolGradient.reference([dy, index!], { ...attrs, places: [3, 3] });
    expect([...dx!.data]).toEqual([0, 0, 0, 0, 15, 0, 0, 0, 0, 1, 2, 0, 4, 0, 0, 0, 0, 8]);
  });

  test("its bound: near ties leave the index open, and dx of both; dead ties do not", () => {
    const x = f64([1, 1, 6], [1, 1.0001, 0, 0, 2, 1]);
    const attrs = max(2, 2, 0);
    const outputs = maxPool.reference([x], attrs);
    const errors = f64([1, 1, 6], [1e-4, 1e-4, 0, 0, 1e-4, 1e-4]);
    const [ey, eindex] = maxProof.bound!([x], [errors], outputs, attrs) as readonly [typeof x, typeof x];
    expect([...eindex.data]).toEqual([1, 0, 0]);
    for (const [o, e] of [1e-4, 0, 1e-4].entries()) expect(ey.data[o]).toBeCloseTo(e, 12);
    const dy = f64([1, 1, 3], [10, 20, 30]);
    const given = { ...attrs, places: [6] };
    const dx = maxPoolGradient.reference([dy, outputs[1]!], given);
    const [bound] = maxGradientProof.bound!([dy, outputs[1]!], [null, eindex], dx, given) as readonly [typeof x];
    for (const [i, e] of [10, 10, 0, 0, 0, 0].entries()) expect(bound.data[i]).toBeCloseTo(e, 12);
  });
});

describe("average pooling", () => {
  const ones = f64([1, 1, 6], [1, 1, 1, 1, 1, 1]);

  test("a window that ceil lets past the padding is divided by what lies inside the padded input", () => {
    const counting = avgPool.reference([ones], { ...windows(3, 2, 1, true), countPadding: true })[0]!;
    [2 / 3, 1, 1, 1 / 2].forEach((v, o) => {
      expect(counting.data[o]).toBeCloseTo(v, 15);
    });
    const inside = avgPool.reference([ones], { ...windows(3, 2, 1, true), countPadding: false })[0]!;
    expect([...inside.data]).toEqual([1, 1, 1, 1]);
  });

  test("the gradient gives every place its share of the windows over it", () => {
    const attrs = { ...windows(3, 2, 1, true), countPadding: true, places: [6] };
    const [dx] = avgPoolGradient.reference([f64([1, 1, 4], [3, 6, 12, 10])], attrs);
    // Windows hold places 0 1, 1 2 3, 3 4 5 and 5; they are divided by 3, 3, 3 and 2.
    expect([...dx!.data]).toEqual([1, 3, 2, 6, 4, 9]);
  });

  test("adaptive windows share places where they must", () => {
    const x = f64([1, 1, 5], [1, 2, 3, 4, 5]);
    // [0, 2), [1, 4), [3, 5)
    expect([...adaptiveAvgPool.reference([x], { out: [3] })[0]!.data]).toEqual([1.5, 3, 4.5]);
    const [dx] = adaptiveAvgPoolGradient.reference([f64([1, 1, 3], [2, 3, 4])], { places: [5] });
    expect([...dx!.data]).toEqual([1, 2, 1, 3, 2]);
  });

  test("to one place it is the mean, to more places than there are it repeats", () => {
    const x = f64([1, 1, 2, 2], [1, 2, 3, 6]);
    expect([...adaptiveAvgPool.reference([x], { out: [1, 1] })[0]!.data]).toEqual([3]);
    expect([...adaptiveAvgPool.reference([x], { out: [1, 4] })[0]!.data]).toEqual([2, 2, 4, 4]);
  });
});

describe("bad input", () => {
  const square = { kernel: [3, 3], stride: [2, 2], padding: [1, 1], dilation: [1, 1], ceil: false };

  test.each([
    [{ ...square, padding: [2, 1] }, /padding must be at most half the kernel, got 2 for a kernel of 3/],
    [{ ...square, kernel: [3, 9] }, /the window reaches over 9 of 8 padded places/],
    [{ ...square, stride: [0, 1] }, /stride must be 2 whole number\(s\) from 1 up, one a dimension, got \[0, 1\]/],
    [{ ...square, kernel: [3] }, /kernel must be 2 whole/],
    [{ ...square, dilation: [1, 1.5] }, /dilation must be 2 whole/],
    [{ ...square, kernel: [2, 2], dilation: [1, 7] }, /window 0 holds nothing but padding/],
  ])("maxPool refuses %j", (attrs, message) => {
    expect(() => maxPool.infer([spec(1, 1, 6, 6)], attrs)).toThrow(message);
    expect(() => maxPool.infer([spec(1, 1, 6, 6)], attrs)).toThrow(/maxPool\(\[1, 1, 6, 6\]\)/);
  });

  test("ranks, and gradients of another shape", () => {
    expect(() => maxPool.infer([spec(4, 6)], square)).toThrow(/x \[n, c, t\] or \[n, c, h, w\]/);
    expect(() => adaptiveAvgPool.infer([spec(1, 1, 6, 6)], { out: [2] })).toThrow(/out of 2 whole/);
    const places = { ...square, places: [6, 6] };
    expect(() => maxPoolGradient.infer([spec(1, 1, 2, 2), { shape: [1, 1, 2, 2], dtype: "i32" }], places)).toThrow(
      /\[1, 1, 3, 3\] for x of \[1, 1, 6, 6\]/,
    );
  });
});

test.each<readonly [AnyOp, unknown]>([
  [maxPool, max(2, 2, 0)],
  [avgPool, { ...windows(2, 2, 0), countPadding: true }],
  [adaptiveAvgPool, { out: [2] }],
])("the gradient rule gives dx of x's shape (%#)", (op, attrs) => {
  const g = new Graph();
  const x = g.variable("x", f64([2, 3, 7], new Array(42).fill(1)));
  const [y] = g.add(op, [x], attrs);
  const rule = op.gradient as Exclude<AnyOp["gradient"], "none">;
  expect(rule(g, y!.node!, [y!, null]).map((d) => d?.shape)).toEqual([[2, 3, 7]]);
});
