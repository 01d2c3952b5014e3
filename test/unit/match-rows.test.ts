import { describe, expect, test } from "vitest";
import { type DType, ndarray } from "../../src/core/ndarray.ts";
import type { LossName } from "../../src/nn/loss-kinds.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { matchData, matchRows } from "../../src/train/data/match-rows.ts";
import type { Rows } from "../../src/train/data/row-source.ts";

const net = (loss: LossName, out: number) => parseModel({ layers: [{ type: "linear", in: 1, out }], loss });
const x = ndarray([3, 1], "f32", [1, 2, 3]);
/** y as the loss sees it. */
const seen = (loss: LossName, outputs: number, shape: readonly number[], values: readonly number[], dtype: DType) =>
  matchRows(net(loss, outputs), { x, y: ndarray(shape, dtype, values) }, "rows").y;
const f32 = (shape: readonly number[], values: readonly number[]) => ndarray(shape, "f32", values);

describe("whole numbers as targets are what the loss takes", () => {
  test.each<LossName>(["mse", "huber", "sumSquaredError"])("values to %s, of one output or of several", (loss) => {
    for (const dtype of ["i32", "u32"] as const) {
      expect(seen(loss, 1, [3], [193300, 3, 0], dtype)).toEqual(f32([3, 1], [193300, 3, 0]));
      expect(seen(loss, 1, [3, 1], [7, 3, 0], dtype)).toEqual(f32([3, 1], [7, 3, 0]));
      expect(seen(loss, 2, [3, 2], [7, 3, 0, 1, 2, 9], dtype)).toEqual(f32([3, 2], [7, 3, 0, 1, 2, 9]));
    }
    expect(seen(loss, 1, [3], [-5, 3, 0], "i32")).toEqual(f32([3, 1], [-5, 3, 0]));
  });

  test("one class of several, or several labels at once, to bce", () => {
    expect(seen("bce", 1, [3], [0, 1, 1], "i32")).toEqual(f32([3, 1], [0, 1, 1]));
    expect(seen("bce", 3, [3], [0, 2, 1], "i32")).toEqual(f32([3, 3], [1, 0, 0, 0, 0, 1, 0, 1, 0]));
    expect(seen("bce", 2, [3, 2], [1, 1, 0, 0, 1, 0], "i32")).toEqual(f32([3, 2], [1, 1, 0, 0, 1, 0]));
  });

  test("classes to crossEntropy, whatever their type", () => {
    for (const dtype of ["i32", "u32", "f32", "f64"] as const) {
      expect(seen("crossEntropy", 3, [3], [0, 2, 1], dtype)).toEqual(ndarray([3], "i32", [0, 2, 1]));
    }
  });

  test.each<[LossName, number, readonly number[], readonly number[], DType, string]>([
    ["bce", 1, [3], [0, 1, 2], "i32", "rows: y holds 2 in row 2: bce takes targets from 0 to 1"],
    [
      "bce",
      2,
      [3, 2],
      [0, 1, 0, -1, 0, 0],
      "i32",
      "rows: y holds -1 in row 1, column 1: bce takes targets from 0 to 1",
    ],
    ["bce", 1, [3, 1], [0.5, 1, 1.5], "f32", "rows: y holds 1.5 in row 2, column 0"],
    ["mse", 3, [3], [0, 1, 3], "i32", "label 3 of row 2 is outside the model's 3 classes"],
    ["mse", 3, [3, 2], [0, 1, 3, 1, 1, 1], "i32", "targets have 2 values, the model gives 3"],
    ["crossEntropy", 2, [3, 2], [0, 1, 0, 1, 0, 1], "i32", "crossEntropy takes one class index a row, got y [3, 2]"],
  ])("%s of %i outputs refuses %j %j as %s", (loss, outputs, shape, values, dtype, message) => {
    expect(() => seen(loss, outputs, shape, values, dtype)).toThrow(message);
  });
});

test("training takes f64 as f32, and refuses what f32 cannot hold by row and column", async () => {
  const model = net("mse", 1);
  const rows: Rows = { x: ndarray([2, 1], "f64", [0.1, 2]), y: ndarray([2], "f64", [1e-3, 3]) };
  expect(matchData(model, rows, "data")).toEqual({ x: f32([2, 1], [0.1, 2]), y: f32([2, 1], [1e-3, 3]) });
  const large = { ...rows, x: ndarray([2, 1], "f64", [0, 1e300]) };
  expect(() => matchData(model, large, "data")).toThrow(
    "data: x holds 1e+300 in row 1, column 0, which f32 cannot hold",
  );
  const spec = (shape: readonly number[]) => ({ shape, dtype: "f32" }) as const;
  const source = matchData(model, { x: spec([9, 1]), y: spec([9, 1]), read: async () => large }, "data");
  const read = (source as { read(index: Uint32Array): Promise<Rows> }).read(Uint32Array.of(3, 8));
  await expect(read).rejects.toThrow("data: x holds 1e+300 in row 8, column 0");
});
