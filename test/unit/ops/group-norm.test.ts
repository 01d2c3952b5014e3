import { describe, expect, test } from "vitest";
import { ndarray } from "../../../src/core/ndarray.ts";
import { groupNorm, groupNormGradient, groupNormScaleGradient } from "../../../src/ops/norm/group-norm.ts";

const f64 = (shape: readonly number[], values: readonly number[]) => ndarray(shape, "f64", values);
const spec = (...shape: number[]) => ({ shape, dtype: "f32" as const });

/** One image of four channels of one place: groups {1, 3} and {10, 16}, of means 2 and 13, variances 1 and 9. */
const x = f64([1, 4, 1], [1, 3, 10, 16]);

describe("group norm", () => {
  test("each group of channels by its own mean and biased variance, each channel by its own scale", () => {
    const inputs = [x, f64([4], [1, 2, 3, 4]), f64([4], [0, 0, 100, 0])];
    const [y, mean, rstd] = groupNorm.reference(inputs, { groups: 2, eps: 0 });
    expect([...mean!.data]).toEqual([2, 13]);
    expect(rstd!.data[0]).toBe(1);
    expect(rstd!.data[1]).toBeCloseTo(1 / 3, 15);
    [-1, 2, 97, 4].forEach((v, i) => {
      expect(y!.data[i]).toBeCloseTo(v, 13);
    });
  });

  test("a group a channel is instance norm: statistics of each plane by itself", () => {
    const planes = f64([1, 2, 2], [1, 3, 10, 16]);
    const [y] = groupNorm.reference([planes, f64([2], [1, 1]), f64([2], [0, 0])], { groups: 2, eps: 0 });
    [-1, 1, -1, 1].forEach((v, i) => {
      expect(y!.data[i]).toBeCloseTo(v, 14);
    });
  });

  test("gradients: a group of two values has none but for its scale", () => {
    const saved = [f64([2], [2, 13]), f64([2], [1, 1 / 3])];
    const dy = f64([1, 4, 1], [5, 7, 1, 2]);
    const attrs = { groups: 2, eps: 0 };
    const [dx] = groupNormGradient.reference([dy, x, f64([4], [1, 1, 1, 1]), ...saved], attrs);
    // xhat is -1 and 1: the difference of both lies along it, their sum along the mean.
    for (const v of dx!.data) expect(v).toBeCloseTo(0, 14);
    const [dgamma, dbeta] = groupNormScaleGradient.reference([dy, x, ...saved], attrs);
    [-5, 7, -1, 2].forEach((v, i) => {
      expect(dgamma!.data[i]).toBeCloseTo(v, 14);
    });
    expect([...dbeta!.data]).toEqual([5, 7, 1, 2]);
  });

  test.each([
    [[spec(2, 6, 4), spec(6), spec(6)], 4, /a number of groups that divides the 6 channels, not 4/],
    [[spec(2, 6), spec(6), spec(6)], 6, /more than one value a group.*use fewer groups/],
    [[spec(2, 6, 4), spec(4), spec(6)], 2, /gamma \[c\] and beta \[c\]/],
    [[spec(6), spec(6), spec(6)], 1, /x \[n, c\], \[n, c, t\] or \[n, c, h, w\]/],
  ])("bad input is named (%#)", (inputs, groups, message) => {
    expect(() => groupNorm.infer(inputs, { groups, eps: 0 })).toThrow(message);
  });
});
