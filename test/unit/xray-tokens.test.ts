import { expect, test } from "vitest";
import { placeText, wrongTokens } from "../../src/app/gradients/tokens.ts";
import type { TensorPicture } from "../../src/app/worker/xray.ts";

const names = { tokens: ["\n", " ", "a", "b"], tokenAxis: { "d 0.weight": 0, "d 2.weight": 1, "d 2.bias": 0 } };

/** Zeros with bounds of 1, and on the device what is given at some places. */
function picture(name: string, rows: number, columns: number, off: Readonly<Record<number, number>>): TensorPicture {
  const zeros = new Float64Array(rows * columns);
  const device = zeros.map((_, i) => off[i] ?? 0);
  return { name, rows, columns, exact: zeros, device, bound: zeros.map(() => 1) };
}

test("a place is told with its token, on the axis that counts tokens", () => {
  expect(placeText("d 0.weight", [2, 3], names)).toBe("[2 “a”, 3]");
  expect(placeText("d 2.weight", [3, 0], names)).toBe("[3, 0 “\\n”]");
  expect(placeText("d 2.bias", [1], names)).toBe("[1 “ ”]");
  expect(placeText("d 1.weight", [1, 2], names)).toBe("[1, 2]");
  expect(placeText("d 0.weight", [1, 2], { tokens: null, tokenAxis: {} })).toBe("[1, 2]");
});

test("tokens whose rows are out of their bounds are named, the furthest first", () => {
  // Rows of an embedding, columns of the head, numbers of its bias.
  const [of, many] = [
    (t: TensorPicture) => wrongTokens(t, names).named,
    Object.fromEntries([...Array(90).keys()].map((i) => [i, 2])),
  ];
  expect(of(picture("d 0.weight", 4, 5, { 7: 1.5, 12: 0.9, 19: -40 }))).toEqual(["“b”", "“ ”"]);
  expect(of(picture("d 2.weight", 5, 4, { 6: 1.5, 12: Number.NaN }))).toEqual(["“\\n”", "“a”"]);
  expect(of(picture("d 2.bias", 1, 4, { 1: 3 }))).toEqual(["“ ”"]);
  expect(of(picture("d 1.weight", 4, 5, { 7: 9 }))).toEqual([]);
  const all = { tokens: Array.from({ length: 30 }, (_, i) => `t${i}`), tokenAxis: { e: 0 } };
  expect(wrongTokens(picture("e", 30, 3, many), all)).toMatchObject({ more: 22 });
});
