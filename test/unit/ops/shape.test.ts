import { describe, expect, test } from "vitest";
import { ndarray } from "../../../src/core/ndarray.ts";
import type { Op } from "../../../src/graph/op.ts";
import { multiply } from "../../../src/ops/elementwise/multiply.ts";
import { concat } from "../../../src/ops/shape/concat.ts";
import { pad, part, reflectGradient } from "../../../src/ops/shape/pad.ts";
import { permute } from "../../../src/ops/shape/permute.ts";
import { upsample, upsampleGradient } from "../../../src/ops/shape/upsample.ts";

const counting = (shape: readonly number[], from = 1) =>
  ndarray(
    shape,
    "f64",
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => from + i),
  );
const f32 = (shape: readonly number[]) => ({ shape, dtype: "f32" }) as const;

function result<A>(op: Op<A>, inputs: readonly ReturnType<typeof counting>[], attrs: A) {
  const [y] = op.reference(inputs, attrs);
  const specs = inputs.map(({ shape }) => f32(shape));
  expect(y!.shape).toEqual(op.infer(specs, attrs)[0]!.shape);
  return Array.from(y!.data);
}

test("permute: a transposed matrix; three axes", () => {
  expect(result(permute, [counting([2, 3])], { order: [1, 0] })).toEqual([1, 4, 2, 5, 3, 6]);
  // y[k][i][j] = x[i][j][k] = 1 + 4 i + 2 j + k
  expect(result(permute, [counting([2, 2, 2])], { order: [2, 0, 1] })).toEqual([1, 3, 5, 7, 2, 4, 6, 8]);
  expect(() => permute.infer([f32([2, 3])], { order: [1, 1] })).toThrow(
    "permute([2, 3]): expected an order of all 2 axes, each once, got [1, 1]",
  );
});

test("concat: along rows and along columns", () => {
  const [a, b] = [counting([2, 2]), counting([2, 1], 10)];
  expect(result(concat, [a, b], { axis: 1 })).toEqual([1, 2, 10, 3, 4, 11]);
  expect(result(concat, [a, counting([1, 2], 20)], { axis: 0 })).toEqual([1, 2, 3, 4, 20, 21]);
  for (const [shapes, axis] of [
    [
      [
        [2, 2],
        [3, 2],
      ],
      1,
    ],
    [[[2, 2]], 0],
    [
      [
        [2, 2],
        [2, 2],
      ],
      2,
    ],
    [
      [
        [2, 2],
        [2, 2, 1],
      ],
      0,
    ],
  ] as const) {
    expect(() => concat.infer(shapes.map(f32), { axis })).toThrow(/two or more inputs that differ at most along axis/);
  }
});

test("part: the lower right of a matrix", () => {
  expect(result(part, [counting([3, 3])], { from: [1, 1], shape: [2, 2] })).toEqual([5, 6, 8, 9]);
  expect(() => part.infer([f32([3, 3])], { from: [1, 1], shape: [3, 2] })).toThrow(/expected a stretch inside it/);
});

describe("pad", () => {
  test("zeros around a row, and around an image", () => {
    expect(result(pad, [counting([2])], { amounts: [[1, 2]], mode: "zeros" })).toEqual([0, 1, 2, 0, 0]);
    const amounts = [
      [1, 0],
      [0, 1],
    ] as const;
    expect(result(pad, [counting([1, 2, 2])], { amounts, mode: "zeros" })).toEqual([0, 0, 0, 1, 2, 0, 3, 4, 0]);
  });

  test("a mirror does not repeat the edge", () => {
    expect(result(pad, [counting([4])], { amounts: [[3, 2]], mode: "reflect" })).toEqual([4, 3, 2, 1, 2, 3, 4, 3, 2]);
  });

  test("the mirror's gradient adds what every image gets", () => {
    // [4 3 2 | 1 2 3 4 | 3 2]: place 1 once, 2 three times, 3 three times, 4 twice.
    const dy = ndarray([9], "f64", [1, 10, 100, 1000, 2, 20, 200, 3, 30]);
    expect(result(reflectGradient, [dy], { amounts: [[3, 2]] })).toEqual([1000, 132, 33, 201]);
  });

  test("amounts that do not fit are refused", () => {
    expect(() => pad.infer([f32([2, 3])], { amounts: [[0, 3]], mode: "reflect" })).toThrow(/below the sizes/);
    expect(() => pad.infer([f32([2, 3])], { amounts: [[0, -1]], mode: "zeros" })).toThrow(/amounts \[before, after\]/);
    expect(() => reflectGradient.infer([f32([5])], { amounts: [[2, 2]] })).toThrow(/below the sizes/);
  });
});

test("multiply: element by element, of one shape", () => {
  expect(result(multiply, [counting([3]), counting([3], 4)], null)).toEqual([4, 10, 18]);
  expect(() => multiply.infer([f32([2]), f32([3])], null)).toThrow(/inputs of one shape/);
  expect(() => multiply.infer([f32([2]), f32([2]), f32([2])], null)).toThrow(/two inputs/);
});

describe("upsample", () => {
  test("nearest repeats; its gradient adds up what was repeated", () => {
    const attrs = { scale: [2, 3], mode: "nearest" } as const;
    expect(result(upsample, [counting([1, 2])], attrs)).toEqual([1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2]);
    // 1 + 2 + 3 + 7 + 8 + 9 and 4 + 5 + 6 + 10 + 11 + 12
    expect(result(upsampleGradient, [counting([2, 6])], attrs)).toEqual([30, 48]);
  });

  test("along one axis by 2: quarters, level at the ends", () => {
    const attrs = { scale: [2], mode: "bilinear" } as const;
    expect(result(upsample, [ndarray([3], "f64", [0, 4, 8])], attrs)).toEqual([0, 1, 3, 5, 7, 8]);
    // The first place gives 1 + 3/4 + 1/4, the one in the middle 1/4 + 3/4 + 3/4 + 1/4.
    expect(result(upsampleGradient, [ndarray([6], "f64", [1, 1, 1, 1, 1, 1])], attrs)).toEqual([2, 2, 2]);
    expect(result(upsampleGradient, [ndarray([6], "f64", [4, 8, 16, 32, 64, 128])], attrs)).toEqual([14, 54, 184]);
  });

  test("by 3: thirds; over two axes the product of both", () => {
    const row = result(upsample, [ndarray([2], "f64", [0, 3])], { scale: [3], mode: "bilinear" });
    for (const [i, v] of [0, 0, 1, 2, 3, 3].entries()) expect(row[i]).toBeCloseTo(v, 12);
    const both = result(upsample, [ndarray([2, 2], "f64", [0, 4, 8, 12])], { scale: [2, 2], mode: "bilinear" });
    expect(both).toEqual([0, 1, 3, 4, 2, 3, 5, 6, 6, 7, 9, 10, 8, 9, 11, 12]);
  });

  test("a scale that is not whole is refused", () => {
    expect(() => upsample.infer([f32([2, 3])], { scale: [1.5], mode: "nearest" })).toThrow(/whole numbers from 1, got/);
    expect(() => upsampleGradient.infer([f32([2, 3])], { scale: [2], mode: "nearest" })).toThrow(/multiples/);
  });
});
