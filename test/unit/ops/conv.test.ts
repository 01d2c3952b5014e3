import { describe, expect, test } from "vitest";
import { checkOp } from "../../../src/check/op.ts";
import { ndarray, sizeOf } from "../../../src/core/ndarray.ts";
import { normals } from "../../../src/core/philox.ts";
import type { AnyOp, Op } from "../../../src/graph/op.ts";
import { addChannelBias, sumChannels } from "../../../src/ops/conv/channel-bias.ts";
import { type ConvAttrs, conv, convInputGradient, convWeightGradient } from "../../../src/ops/conv/conv.ts";
import { convSettings } from "../../../src/ops/conv/proof-settings.ts";

const once: ConvAttrs = { stride: [1], padding: [[0, 0]], dilation: [1], groups: 1 };
const twice: ConvAttrs = { stride: [1, 1], padding: new Array(2).fill([0, 0]), dilation: [1, 1], groups: 1 };

type Values = readonly [shape: readonly number[], values: readonly number[]];

/** What an op's reference gives for whole numbers, whose sums are exact. */
function given<A>(op: Op<A>, inputs: readonly Values[], attrs: A): readonly number[] {
  const arrays = inputs.map(([shape, values]) => ndarray(shape, "f64", values));
  const [y] = op.reference(arrays, attrs);
  const [spec] = op.infer(
    arrays.map(({ shape }) => ({ shape, dtype: "f32" as const })),
    attrs,
  );
  expect(y!.shape).toEqual(spec!.shape);
  return [...y!.data];
}

describe("small convolutions that can be added up by hand", () => {
  const x: Values = [
    [1, 1, 5],
    [1, 2, 3, 4, 5],
  ];
  const w: Values = [
    [1, 1, 3],
    [1, 10, 100],
  ];

  test("each digit of a result says which place met which element of the kernel", () => {
    expect(given(conv, [x, w], once)).toEqual([321, 432, 543]);
    expect(given(conv, [x, w], { ...once, padding: [[1, 1]] })).toEqual([210, 321, 432, 543, 54]);
    expect(given(conv, [x, w], { ...once, padding: [[0, 1]] })).toEqual([321, 432, 543, 54]);
    expect(given(conv, [x, w], { ...once, padding: [[2, 0]] })).toEqual([100, 210, 321, 432, 543]);
    expect(given(conv, [x, w], { ...once, stride: [2], padding: [[1, 1]] })).toEqual([210, 432, 54]);
    expect(given(conv, [x, w], { ...once, stride: [3], padding: [[1, 1]] })).toEqual([210, 543]);
    expect(given(conv, [x, w], { ...once, dilation: [2] })).toEqual([531]);
    expect(given(conv, [x, w], { ...once, dilation: [2], padding: [[1, 2]] })).toEqual([420, 531, 42, 53]);
  });

  test("a plane", () => {
    const plane: Values = [
      [1, 1, 3, 3],
      [1, 2, 3, 4, 5, 6, 7, 8, 9],
    ];
    const square: Values = [
      [1, 1, 2, 2],
      [1, 10, 100, 1000],
    ];
    expect(given(conv, [plane, square], twice)).toEqual([5421, 6532, 8754, 9865]);
    // Rows move by two, columns by one; a row of zeros stands above, a column of them on the right.
    const uneven: ConvAttrs = {
      ...twice,
      stride: [2, 1],
      padding: [
        [1, 0],
        [0, 1],
      ],
    };
    expect(given(conv, [plane, square], uneven)).toEqual([2100, 3200, 300, 8754, 9865, 906]);
  });

  test("channels are added up, groups are not", () => {
    const pixels: Values = [
      [2, 2, 1],
      [5, 7, 11, 13],
    ];
    expect(
      given(
        conv,
        [
          pixels,
          [
            [3, 2, 1],
            [1, 100, 2, 300, 4, 500],
          ],
        ],
        once,
      ),
    ).toEqual([...[705, 2110, 3520], ...[1311, 3922, 6544]]);
    expect(
      given(
        conv,
        [
          pixels,
          [
            [4, 1, 1],
            [1, 2, 3, 4],
          ],
        ],
        { ...once, groups: 2 },
      ),
    ).toEqual([...[5, 10, 21, 28], ...[11, 22, 39, 52]]);
  });

  test("gradients, term by term: stride 2, padding 1", () => {
    const attrs = { ...once, stride: [2], padding: [[1, 1]] as const };
    const dy: Values = [
      [1, 1, 3],
      [1, 10, 100],
    ];
    const dx = given(
      convInputGradient,
      [
        dy,
        [
          [1, 1, 3],
          [1, 2, 4],
        ],
      ],
      { ...attrs, places: [5] },
    );
    expect(dx).toEqual([2, 4 + 10, 20, 40 + 100, 200]);
    const dw = given(convWeightGradient, [x, dy], { ...attrs, kernel: [3] });
    expect(dw).toEqual([10 * 2 + 100 * 4, 1 * 1 + 10 * 3 + 100 * 5, 1 * 2 + 10 * 4]);
  });

  test("places that no position of the kernel reads get exactly 0", () => {
    const attrs = { ...once, stride: [4], places: [8] };
    expect(
      given(
        convInputGradient,
        [
          [
            [1, 1, 2],
            [3, 5],
          ],
          [
            [1, 1, 2],
            [1, 10],
          ],
        ],
        attrs,
      ),
    ).toEqual([3, 30, 0, 0, 5, 50, 0, 0]);
  });

  test("a bias for each channel, and its sum", () => {
    expect(
      given(
        addChannelBias,
        [
          [
            [1, 2, 2],
            [1, 2, 3, 4],
          ],
          [[2], [10, 20]],
        ],
        null,
      ),
    ).toEqual([11, 12, 23, 24]);
    expect(
      given(
        sumChannels,
        [
          [
            [2, 2, 2],
            [1, 2, 3, 4, 5, 6, 7, 8],
          ],
        ],
        null,
      ),
    ).toEqual([14, 22]);
  });
});

describe.each(convSettings)("$name", ({ x, w, attrs }) => {
  test("the three ops are sums over the same terms: dy . conv(x, w) = dx . x = dw . w", () => {
    const drawn = (shape: readonly number[], step: number) => ndarray(shape, "f64", normals(7, 3, step, sizeOf(shape)));
    const [X, W] = [drawn(x, 1), drawn(w, 2)];
    const [y] = conv.reference([X, W], attrs);
    const dy = drawn(y!.shape, 3);
    const [dx] = convInputGradient.reference([dy, W], { ...attrs, places: x.slice(2) });
    const [dw] = convWeightGradient.reference([X, dy], { ...attrs, kernel: w.slice(2) });
    const dot = (a: { data: ArrayLike<number> }, b: { data: ArrayLike<number> }): number =>
      Array.from(a.data).reduce((sum, v, i) => sum + v * b.data[i]!, 0);
    const size = Math.sqrt(dot(y!, y!) * dot(dy, dy));
    expect(Math.abs(dot(dy, y!) - dot(dx!, X))).toBeLessThan(1e-12 * size + 1e-12);
    expect(Math.abs(dot(dy, y!) - dot(dw!, W))).toBeLessThan(1e-12 * size + 1e-12);
  });
});

test.each([conv, convInputGradient, convWeightGradient, addChannelBias] as readonly AnyOp[])(
  "$name's gradient rule agrees with central differences",
  async (op) => {
    const report = await checkOp(op, { backend: null, samples: 2 });
    expect(report.reason).toBe("");
    expect(report.gradients.length).toBeGreaterThan(10);
  },
);
