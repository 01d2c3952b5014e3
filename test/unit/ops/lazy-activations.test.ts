import { describe, expect, test } from "vitest";
import { ndarray } from "../../../src/core/ndarray.ts";
import { lazyActivations } from "../../../src/ops/elementwise/lazy-activations.ts";
import { maxout, maxoutGradient } from "../../../src/ops/elementwise/maxout.ts";
import { prelu, preluGradient, preluTerms } from "../../../src/ops/elementwise/prelu.ts";
import { logSoftmax, logSoftmaxGradient } from "../../../src/ops/norm/log-softmax.ts";

/** Value and derivative at a few points, worked out from the definitions in high precision. */
const known: Readonly<Record<string, readonly (readonly [x: number, y: number, slope: number])[]>> = {
  hardSigmoid: [
    [-3, 0, 0],
    [-1.5, 0.25, 1 / 6],
    [0, 0.5, 1 / 6],
    [3, 1, 0],
    [100, 1, 0],
  ],
  hardSwish: [
    [-4, 0, 0],
    [-1.5, -0.375, 0],
    [0, 0, 0.5],
    [1.5, 1.125, 1],
    [3, 3, 1],
    [5, 5, 1],
  ],
  mish: [
    [-5, -0.033576237730161704, -0.026747498019901932],
    [-1.25, -0.3084139611415277, -0.01469756247301954],
    [0, 0.0, 0.6],
    [0.5, 0.37524521130489513, 0.8864243753577272],
    [3, 2.9865350049679575, 1.0211069109294437],
  ],
  geluTanh: [
    [-5, -2.291796196629506e-7, -1.5463619875325946e-6],
    [-1.25, -0.1322857970302854, -0.12249263224964864],
    [0, 0.0, 0.5],
    [0.5, 0.34571400982514394, 0.8673699035346423],
    [3, 2.996362607918227, 1.0115841666309697],
  ],
};

describe.each(Object.entries(lazyActivations))("%s", (name, { spec }) => {
  test.each(known[name]!)("at %d", (x, y, slope) => {
    expect(spec.fn(x, 0)).toBeCloseTo(y, 12);
    expect(spec.dfn(x, 0)).toBeCloseTo(slope, 12);
  });

  test("the derivative is the value's", () => {
    for (const x of [-7.3, -2.2, -1.1, -0.4, 0.3, 0.9, 2.6, 8.1]) {
      const h = 1e-5;
      expect(spec.dfn(x, 0)).toBeCloseTo((spec.fn(x + h, 0) - spec.fn(x - h, 0)) / (2 * h), 8);
    }
  });
});

const f64 = (shape: readonly number[], values: readonly number[]) => ndarray(shape, "f64", values);

test("prelu: a slope for all, and one for each channel", () => {
  const x = f64([2, 2, 2], [-1, 2, -3, 4, 5, -6, 7, -8]);
  const slopes = f64([2], [0.5, 0.25]);
  expect([...prelu.reference([x, slopes], null)[0]!.data]).toEqual([-0.5, 2, -0.75, 4, 5, -3, 7, -2]);
  expect([...prelu.reference([x, f64([1], [0.1])], null)[0]!.data][7]).toBeCloseTo(-0.8, 12);
  const dy = f64([2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]);
  expect([...preluGradient.reference([dy, x, slopes], null)[0]!.data]).toEqual([0.5, 2, 0.75, 4, 5, 3, 7, 2]);
  expect([...preluTerms.reference([dy, x], null)[0]!.data]).toEqual([-1, 0, -9, 0, 0, -36, 0, -64]);
  const spec = (shape: readonly number[]) => ({ shape, dtype: "f32" }) as const;
  expect(() => prelu.infer([spec([2, 3, 4]), spec([4])], null)).toThrow(
    "prelu([2, 3, 4], [4]): expected x [n, c, ...] and slopes [1] or [c]",
  );
});

test("maxout: the largest of neighbouring channels, the first of several", () => {
  const x = f64([1, 4, 2], [1, 5, 3, 5, -1, 0, -2, Number.NaN]);
  expect([...maxout.reference([x], { pieces: 2 })[0]!.data]).toEqual([3, 5, -1, Number.NaN]);
  const dy = f64([1, 2, 2], [10, 20, 30, 40]);
  expect([...maxoutGradient.reference([dy, x], { pieces: 2 })[0]!.data]).toEqual([0, 20, 10, 0, 30, 0, 0, 40]);
  expect(() => maxout.infer([{ shape: [1, 4, 2], dtype: "f32" }], { pieces: 3 })).toThrow(/that 3 pieces divide/);
});

test("logSoftmax: of even chances, and far from them", () => {
  const [even] = logSoftmax.reference([f64([1, 4], [7, 7, 7, 7])], null);
  for (const v of even!.data) expect(v).toBeCloseTo(-Math.log(4), 12);
  const [far] = logSoftmax.reference([f64([1, 2], [1000, 0])], null);
  expect([...far!.data]).toEqual([0, -1000]);
  // p = 1/4 each, sum of dy 10: dx = dy - 2.5
  const [dx] = logSoftmaxGradient.reference([f64([1, 4], [1, 2, 3, 4]), even!], null);
  for (const [i, v] of [-1.5, -0.5, 0.5, 1.5].entries()) expect(dx!.data[i]).toBeCloseTo(v, 12);
});
