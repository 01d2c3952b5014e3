import { describe, expect, test } from "vitest";
import { ndarray } from "../../../src/core/ndarray.ts";
import { Graph } from "../../../src/graph/graph.ts";
import { type AnyOp, DEFAULT_CAPS } from "../../../src/graph/op.ts";
import { batchNorm, batchNormGradient, batchNormInference } from "../../../src/ops/norm/batch-norm.ts";

const f64 = (shape: readonly number[], values: readonly number[]) => ndarray(shape, "f64", values);
const spec = (...shape: number[]) => ({ shape, dtype: "f32" as const });

/** Channel 0 holds 1, 2, 3, 6 (mean 3, variance 14 / 4), channel 1 holds 0, 0, 4, 4 (mean 2, variance 4). */
const x = () => f64([2, 2, 2], [1, 2, 0, 0, 3, 6, 4, 4]);
const gamma = f64([2], [2, 3]);
const beta = f64([2], [10, 20]);

function run(momentum: number | null, running: readonly number[], input = x()) {
  const state = f64([5], running);
  const [y, mean, rstd] = batchNorm.reference([input, gamma, beta, state], { eps: 0, momentum });
  return { y: [...y!.data], mean: [...mean!.data], rstd: [...rstd!.data], running: [...state.data] };
}

describe("batch norm", () => {
  test("normalises by the biased variance", () => {
    const { y, mean, rstd } = run(0.1, [0, 0, 1, 1, 0]);
    expect(mean).toEqual([3, 2]);
    expect(rstd[0]).toBeCloseTo(1 / Math.sqrt(3.5), 14);
    expect(rstd[1]).toBe(0.5);
    const r = 2 / Math.sqrt(3.5);
    [10 - 2 * r, 10 - r, 17, 17, 10, 10 + 3 * r, 23, 23].forEach((v, i) => {
      expect(y[i]).toBeCloseTo(v, 13);
    });
  });

  test("keeps the unbiased variance, a tenth of it with momentum 0.1, and counts batches", () => {
    // Unbiased: 14 / 3 and 16 / 3.
    const { running } = run(0.1, [1, -1, 1, 2, 7]);
    [0.9 + 0.3, -0.9 + 0.2, 0.9 + 1.4 / 3, 1.8 + 1.6 / 3, 8].forEach((v, i) => {
      expect(running[i]).toBeCloseTo(v, 14);
    });
  });

  test("without a momentum the running statistics are the mean over all batches", () => {
    const first = run(null, [50, 60, 70, 80, 0]).running;
    [3, 2, 14 / 3, 16 / 3, 1].forEach((v, i) => {
      expect(first[i]).toBeCloseTo(v, 14);
    });
    const second = run(null, first, f64([2, 2, 2], [1, 1, 8, 8, 3, 3, 8, 8])).running;
    // The second batch: means 2 and 8, unbiased variances 4 / 3 and 0.
    [2.5, 5, 3, 8 / 3, 2].forEach((v, i) => {
      expect(second[i]).toBeCloseTo(v, 14);
    });
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])("a batch with %d leaves the running statistics alone", (bad) => {
    const input = x();
    input.data[0] = bad;
    expect(run(0.1, [1, -1, 1, 2, 7], input).running).toEqual([1, -1, 1, 2, 7]);
    expect(run(null, [1, -1, 1, 2, 7], input).running).toEqual([1, -1, 1, 2, 7]);
  });

  test("evaluation takes the running ones", () => {
    const [y] = batchNormInference.reference([x(), gamma, beta, f64([5], [1, 0, 3, 15, 9])], { eps: 1 });
    expect([...y!.data]).toEqual([10, 11, 20, 20, 12, 15, 23, 23]);
  });

  test("the gradient of a channel sums to 0, and is 0 along what normalising takes away", () => {
    const dy = f64([2, 2, 2], [1, 0, 0, 1, 0, 0, 0, 0]);
    const { mean, rstd } = run(0.1, [0, 0, 1, 1, 0]);
    const saved = [f64([2], mean), f64([2], rstd)];
    const [dx, dgamma, dbeta] = batchNormGradient.reference([dy, x(), gamma, ...saved], null);
    // Channel 1: xhat is -1, -1, 1, 1; dy is 0, 1, 0, 0, so the means are 1 / 4 and -1 / 4; gamma rstd is 3 / 2.
    [-0.75, 0.75, 0, 0].forEach((v, i) => {
      expect(dx!.data[[2, 3, 6, 7][i]!]).toBeCloseTo(v, 14);
    });
    const r = 1 / Math.sqrt(3.5);
    expect(dgamma!.data[0]).toBeCloseTo(-2 * r, 14);
    expect(dgamma!.data[1]).toBeCloseTo(-1, 14);
    expect([...dbeta!.data]).toEqual([1, 1]);
    expect(dx!.data[0]! + dx!.data[1]! + dx!.data[4]! + dx!.data[5]!).toBeCloseTo(0, 14);
  });

  test("one value a channel is an error that says so", () => {
    const attrs = { eps: 1e-5, momentum: 0.1 };
    expect(() => batchNorm.infer([spec(1, 3), spec(3), spec(3), spec(7)], attrs)).toThrow(
      /more than one value a channel/,
    );
    expect(() => batchNorm.infer([spec(1, 3, 1, 1), spec(3), spec(3), spec(7)], attrs)).toThrow(/larger batch/);
    expect(() => batchNormInference.infer([spec(1, 3), spec(3), spec(3), spec(7)], { eps: 0 })).not.toThrow();
  });

  test.each([
    [[spec(4, 3), spec(2), spec(3), spec(7)]],
    [[spec(4, 3), spec(3), spec(3), spec(6)]],
    [[spec(4, 3), spec(3), spec(3)]],
    [[spec(4), spec(3), spec(3), spec(7)]],
    [[spec(1, 3, 2, 2, 2), spec(3), spec(3), spec(7)]],
  ])("shapes that do not fit are refused (%#)", (inputs) => {
    expect(() => batchNorm.infer(inputs, { eps: 0, momentum: 0 })).toThrow(/batchNorm\(.*running \[2 c \+ 1\]/);
  });

  test.each([
    ["a GPU, small channels", [4, 3, 8, 8], false, "alone"],
    ["a GPU, large channels", [32, 16, 28, 28], false, "sliced"],
    ["an adapter on a CPU", [32, 16, 28, 28], true, "alone-narrow"],
  ] as const)("the kernel for %s, in at most three launches of at most eight bindings", (_what, shape, onCpu, name) => {
    const caps = { ...DEFAULT_CAPS, onCpu };
    const c = shape[1];
    const forward = [spec(...shape), spec(c), spec(c), spec(2 * c + 1)];
    const backward = [spec(...shape), spec(...shape), spec(c), spec(c), spec(c)];
    for (const [op, inputs, attrs] of [
      [batchNorm, forward, { eps: 1e-5, momentum: 0.1 }],
      [batchNormGradient, backward, null],
    ] as readonly (readonly [AnyOp, typeof forward, unknown])[]) {
      const suits = op.kernels.filter((k) => k.suits?.(inputs, attrs, caps) !== false).at(-1)!;
      expect(suits.name).toBe(`${op.name}/${name}`);
      const plan = suits.plan(inputs, op.infer(inputs, attrs), attrs, caps)!;
      expect(plan.launches.length).toBeLessThan(4);
      for (const { bindings } of plan.launches) expect(bindings.length).toBeLessThan(9);
    }
  });

  test("its gradient rule: x, gamma and beta, none of running", () => {
    const g = new Graph();
    const inputs = [x(), gamma, beta, f64([5], [0, 0, 1, 1, 0])].map((v, i) => g.variable(`input ${i}`, v));
    const outputs = g.add(batchNorm, inputs, { eps: 0, momentum: 0.1 });
    const rule = batchNorm.gradient as Exclude<typeof batchNorm.gradient, "none">;
    const dxs = rule(g, outputs[0]!.node!, [inputs[0]!, null, null, null]);
    expect(dxs.map((d) => d?.shape ?? null)).toEqual([[2, 2, 2], [2], [2], null]);
  });
});
