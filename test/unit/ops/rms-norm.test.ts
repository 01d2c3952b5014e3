import { expect, test } from "vitest";
import { ndarray } from "../../../src/core/ndarray.ts";
import { rmsNorm, rmsNormGradient, rmsNormScaleGradient } from "../../../src/ops/norm/rms-norm.ts";

const f64 = (shape: readonly number[], values: readonly number[]) => ndarray(shape, "f64", values);

test("rows are divided by the root of their mean square, means stay", () => {
  // Mean squares: (9 + 16 + 0 + 0) / 4 and 4.
  const x = f64([2, 4], [3, 4, 0, 0, 2, 2, 2, 2]);
  const [y, rstd] = rmsNorm.reference([x, f64([4], [1, 10, 1, 100])], { eps: 0 });
  expect([...rstd!.data]).toEqual([0.4, 0.5]);
  [1.2, 16, 0, 0, 1, 10, 1, 100].forEach((v, i) => {
    expect(y!.data[i]).toBeCloseTo(v, 14);
  });
});

test("epsilon is added to the mean square", () => {
  expect(rmsNorm.reference([f64([1, 1], [3]), f64([1], [1])], { eps: 7 })[0]!.data[0]).toBeCloseTo(0.75, 15);
});

test("gradients: what lies along the row is taken away", () => {
  const x = f64([1, 4], [3, 4, 0, 0]);
  const rstd = f64([1], [0.4]);
  const weight = f64([4], [1, 1, 2, 1]);
  const [along] = rmsNormGradient.reference([f64([1, 4], [3, 4, 0, 0]), x, weight, rstd], null);
  for (const v of along!.data) expect(v).toBeCloseTo(0, 14);
  // Across the row nothing is taken: rstd dy weight.
  const [across] = rmsNormGradient.reference([f64([1, 4], [4, -3, 5, 0]), x, weight, rstd], null);
  [1.6, -1.2, 4, 0].forEach((v, i) => {
    expect(across!.data[i]).toBeCloseTo(v, 14);
  });
  const [dweight] = rmsNormScaleGradient.reference([f64([1, 4], [1, 2, 3, 4]), x, rstd], null);
  [1.2, 3.2, 0, 0].forEach((v, i) => {
    expect(dweight!.data[i]).toBeCloseTo(v, 14);
  });
});

test("a weight of another width is refused", () => {
  const spec = (...shape: number[]) => ({ shape, dtype: "f32" as const });
  expect(() => rmsNorm.infer([spec(2, 4), spec(3)], { eps: 0 })).toThrow(/rmsNorm\(\[2, 4\], \[3\]\): expected x/);
});
