import { describe, expect, it } from "vitest";
import { ndarray } from "../../../src/core/ndarray.ts";
import { type Dataset, isClassification, outputCount, rowCount, validateDataset } from "../../../src/data/dataset.ts";

const good: Dataset = {
  name: "d",
  x: ndarray([2, 3], "f32", [1, 2, 3, 4, 5, 6]),
  y: ndarray([2], "i32", [0, 1]),
  classes: ["a", "b"],
  features: ["p", "q", "r"],
};
const regression: Dataset = { name: "d", x: good.x, y: ndarray([2, 2], "f32", [1, 2, 3, 4]), targets: ["s", "t"] };

describe("validateDataset", () => {
  it("returns a sound data set", () => {
    expect(validateDataset(good)).toBe(good);
    expect(validateDataset(regression)).toBe(regression);
  });

  it.each<[string, Partial<Dataset>, string]>([
    [
      "x of another type",
      { x: ndarray([2, 3], "u32", [1, 2, 3, 4, 5, 6]) },
      "x must be f32 or f64 [n, inputs], or tokens i32 [n, t], got u32 [2, 3]",
    ],
    ["x of another rank", { x: ndarray([2, 3, 1], "f32", [1, 2, 3, 4, 5, 6]) }, "got f32 [2, 3, 1]"],
    ["no rows", { x: ndarray([0, 3], "f32", []) }, "x is empty: its shape is [0, 3]"],
    ["no columns", { x: ndarray([2, 0], "f32", []) }, "x is empty: its shape is [2, 0]"],
    ["labels as floats", { y: ndarray([2], "f32", [0, 1]) }, "y must be i32 [n] (classes) or f32 [n, outputs]"],
    ["too few labels", { y: ndarray([1], "i32", [0]) }, "x has 2 rows and y has 1"],
    [
      "an underfull array",
      { x: { ...good.x, data: new Float32Array(5) } },
      "x holds 5 values, which do not fill [2, 3]",
    ],
    ["an image of another size", { image: { height: 2, width: 2 } }, "2 x 2 pixels does not fill the 3 columns"],
    ["too few column names", { features: ["p"] }, "1 column names for the 3 columns of x"],
    ["NaN", { x: ndarray([2, 3], "f32", [1, 2, 3, 4, 5, Number.NaN]) }, 'x at row 1, column 2 ("r") is NaN'],
    ["a label out of range", { y: ndarray([2], "i32", [0, 2]) }, "y at row 1, column 0: the label 2 is outside the 2"],
    ["a negative label", { y: ndarray([2], "i32", [-1, 0]) }, "y at row 0, column 0: the label -1 is outside"],
  ])("refuses %s", (_, change, message) => {
    expect(() => validateDataset({ ...good, ...change })).toThrow(message);
  });

  it("names the column of a target that is not finite", () => {
    const y = ndarray([2, 2], "f32", [1, Number.POSITIVE_INFINITY, 3, 4]);
    expect(() => validateDataset({ ...regression, y })).toThrow('data set "d": y at row 0, column 1 ("t") is Infinity');
  });

  it("refuses a negative label without class names", () => {
    const { classes: _, ...unnamed } = good;
    expect(() => validateDataset({ ...unnamed, y: ndarray([2], "i32", [0, -3]) })).toThrow("the label -3 is negative");
  });
});

describe("what a data set asks of a network", () => {
  it("counts rows and outputs", () => {
    expect([rowCount(good), isClassification(good), outputCount(good)]).toEqual([2, true, 2]);
    expect([rowCount(regression), isClassification(regression), outputCount(regression)]).toEqual([2, false, 2]);
    const { classes: _, ...unnamed } = good;
    expect(outputCount({ ...unnamed, y: ndarray([2], "i32", [4, 1]) })).toBe(5);
  });
});
