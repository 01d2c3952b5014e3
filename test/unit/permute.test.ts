import fc from "fast-check";
import { expect, test } from "vitest";
import { permute } from "../../src/core/permute.ts";

const u32 = () => fc.integer({ min: 0, max: 0xffffffff });

test("permute is a bijection of [0, n)", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 600 }), u32(), u32(), (n, seed, epoch) => {
      const rows = Array.from({ length: n }, (_, i) => permute(seed, epoch, i, n));
      expect(rows.sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
    }),
  );
});

test("epochs and seeds differ", () => {
  const order = (seed: number, epoch: number) => Array.from({ length: 50 }, (_, i) => permute(seed, epoch, i, 50));
  expect(order(1, 0)).not.toEqual(order(1, 1));
  expect(order(1, 0)).not.toEqual(order(2, 0));
  expect(order(1, 0)).toEqual(order(1, 0));
});

test("each row comes first about equally often", () => {
  const counts = new Array<number>(10).fill(0);
  for (let epoch = 0; epoch < 10_000; epoch++) counts[permute(7, epoch, 0, 10)]! += 1;
  // Chi-squared with 9 degrees of freedom: 27.9 is exceeded once in a thousand seeds.
  const chi = counts.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
  expect(chi).toBeLessThan(27.9);
});
