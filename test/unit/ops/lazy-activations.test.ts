import { describe, expect, test } from "vitest";
import { lazyActivations } from "../../../src/ops/elementwise/lazy-activations.ts";

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
