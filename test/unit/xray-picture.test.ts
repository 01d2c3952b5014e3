import { expect, test } from "vitest";
import { columnsOf, rowsWithin } from "../../src/app/worker/xray.ts";
import { allPresets } from "../../src/nn/image-presets.ts";

test("a tensor's picture is as near to a square as its axes allow", () => {
  expect(columnsOf([7])).toBe(7);
  expect(columnsOf([784, 10])).toBe(10);
  expect(columnsOf([32, 16, 3, 3])).toBe(144);
  expect(columnsOf([16, 32, 8, 8])).toBe(64);
});

test("rows that are much work are fewer, but two at least", () => {
  const rows = (name: string) => rowsWithin(allPresets[name]!.model, 16, 1e7);
  expect([rows("iris"), rows("digits-cnn"), rows("fashion-cnn"), rows("fashion-resnet")]).toEqual([16, 16, 9, 2]);
});
