import { expect, test } from "vitest";
import { short, tick } from "../../src/app/draw/format.ts";

test("an axis has its round numbers without zeros that say nothing", () => {
  const numbers = [0, 0.5, 250, 20_000, 1.5e6, 1e-4, 1e-12, 1.5e-15, 10, -2e-9];
  expect(numbers.map(tick)).toEqual(["0", "0.5", "250", "20k", "1.5M", "1e−4", "1e−12", "1.5e−15", "10", "−2e−9"]);
});

test("a figure keeps them, so that it stays as wide while it changes", () => {
  expect([1e-12, 0.000_15, 123_456, 0.1234].map((v) => short(v))).toEqual(["1.0e−12", "1.5e−4", "1.2e+5", "0.123"]);
});
