import { expect, test } from "vitest";
import { bitsOfHalf, HALF_MAX, halfOfBits, packHalves, roundToHalf, unpackHalves } from "../../src/core/half.ts";
import { uniforms } from "../../src/core/philox.ts";
import { bytesOf } from "../../src/graph/graph.ts";

/** All finite halves from 0 up, in order. */
const halves = Array.from({ length: 0x7c00 }, (_, bits) => halfOfBits(bits));

test("every pattern of 16 bits is the number it stands for, and comes back", () => {
  const wrong: number[] = [];
  for (let bits = 0; bits < 0x10000; bits++) {
    const value = halfOfBits(bits);
    if (bitsOfHalf(value) !== (Number.isNaN(value) ? 0x7e00 : bits)) wrong.push(bits);
  }
  expect(wrong).toEqual([]);
  // From the standard: 1, -2, the largest, the least normal, the least, a third.
  const known = { 15360: 1, 49152: -2, 31743: 65504, 1024: 2 ** -14, 1: 2 ** -24, 13653: 0.333251953125 };
  for (const [bits, value] of Object.entries(known)) expect(halfOfBits(Number(bits))).toBe(value);
});

test("between two halves: the nearer, and midway the even one", () => {
  const wrong: number[] = [];
  for (let i = 0; i + 1 < halves.length; i++) {
    const [low, high] = [halves[i]!, halves[i + 1]!];
    const middle = (low + high) / 2;
    const even = i % 2 === 0 ? low : high;
    const little = (high - low) * 2 ** -30;
    const found = [middle, -middle, middle - little, middle + little].map(roundToHalf);
    if (![even, -even, low, high].every((v, k) => Object.is(v, found[k]))) wrong.push(middle);
  }
  expect(wrong).toEqual([]);
});

test("beyond the largest: up to midway the largest, from there infinity; signs of zeros stay", () => {
  expect(roundToHalf(65519.99)).toBe(HALF_MAX);
  expect(roundToHalf(65520)).toBe(Number.POSITIVE_INFINITY);
  expect(roundToHalf(-1e300)).toBe(Number.NEGATIVE_INFINITY);
  expect(roundToHalf(Number.NaN)).toBeNaN();
  expect(roundToHalf(-1e-30)).toBe(-0);
  expect(roundToHalf(2 ** -25)).toBe(0);
});

test("packed, an odd number of them takes whole words", () => {
  const values = uniforms(1, 2, 3, 7, -9, 9).map(roundToHalf);
  const packed = packHalves(values);
  expect(packed.byteLength).toBe(bytesOf({ shape: [7], dtype: "f16" }));
  expect(unpackHalves(packed, 7)).toEqual(values);
});
