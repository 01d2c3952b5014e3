import { describe, expect, test } from "vitest";
import type { Op } from "../../../src/graph/op.ts";
import { addChannelBias, sumChannels } from "../../../src/ops/conv/channel-bias.ts";
import { type ConvAttrs, conv, convInputGradient, convWeightGradient } from "../../../src/ops/conv/conv.ts";

const once: ConvAttrs = { stride: [1], padding: [[0, 0]], dilation: [1], groups: 1 };
const twice: ConvAttrs = { stride: [1, 1], padding: new Array(2).fill([0, 0]), dilation: [1, 1], groups: 1 };

describe("what does not fit is said", () => {
  const message = <A>(op: Op<A>, shapes: readonly (readonly number[])[], attrs: A): string => {
    try {
      op.infer(
        shapes.map((shape) => ({ shape, dtype: "f32" as const })),
        attrs,
      );
    } catch (error) {
      return (error as Error).message;
    }
    return "";
  };

  test.each([
    [
      [
        [2, 3, 8],
        [4, 3, 9],
      ],
      once,
      /^conv\(\[2, 3, 8\], \[4, 3, 9\]\): .*no larger than the padded input.* 9 of 8$/,
    ],
    [
      [
        [2, 3, 8],
        [4, 2, 3],
      ],
      once,
      /kernels of 3 channels \(3 in 1 group\(s\)\), not of 2/,
    ],
    [
      [
        [2, 3, 8],
        [4, 1, 3],
      ],
      { ...once, groups: 2 },
      /3 in and 4 out, that 2 groups divide/,
    ],
    [
      [
        [2, 4, 8],
        [3, 2, 3],
      ],
      { ...once, groups: 2 },
      /4 in and 3 out, that 2 groups divide/,
    ],
    [
      [
        [2, 3],
        [4, 3],
      ],
      once,
      /expected x \[n, c, t\]/,
    ],
    [
      [
        [2, 3, 8, 8],
        [4, 3, 3],
      ],
      twice,
      /input\(s\) of rank 4, 4/,
    ],
    [
      [
        [2, 3, 8],
        [4, 3, 3],
      ],
      twice,
      /^conv: stride must have 1 value\(s\).*got 2$/,
    ],
    [
      [
        [2, 3, 8],
        [4, 3, 3],
      ],
      { ...once, stride: [0] },
      /^conv: stride must be whole numbers from 1 up, got \[0\]$/,
    ],
    [
      [
        [2, 3, 8],
        [4, 3, 3],
      ],
      { ...once, padding: [[0, -1]] as const },
      /^conv: padding .*got \[0, -1\]$/,
    ],
    [
      [
        [2, 3, 8],
        [4, 3, 3],
      ],
      { ...once, dilation: [1.5] },
      /^conv: dilation .*got \[1.5\]$/,
    ],
    [
      [
        [2, 3, 8],
        [4, 3, 3],
      ],
      { ...once, groups: 0 },
      /^conv: groups .*got 0$/,
    ],
  ])("conv of %j", (shapes, attrs, expected) => {
    expect(message(conv, shapes, attrs)).toMatch(expected);
  });

  test("gradients of other shapes", () => {
    expect(
      message(
        convInputGradient,
        [
          [2, 4, 5],
          [4, 3, 3],
        ],
        { ...once, places: [8] },
      ),
    ).toMatch(/dy is \[2, 4, 5\], expected \[2, 4, 6\]/);
    expect(
      message(
        convWeightGradient,
        [
          [2, 3, 8],
          [2, 4, 5],
        ],
        { ...once, kernel: [3] },
      ),
    ).toMatch(/dy is \[2, 4, 5\], expected \[2, 4, 6\]/);
    expect(
      message(
        convWeightGradient,
        [
          [2, 3, 8],
          [3, 4, 6],
        ],
        { ...once, kernel: [3] },
      ),
    ).toMatch(/one batch/);
    expect(message(addChannelBias, [[2, 3, 8], [2]], null)).toMatch(/x \[n, c, \.\.\.\] and b \[c\]/);
    expect(message(sumChannels, [[2]], null)).toMatch(/dy \[n, c, \.\.\.\]/);
  });
});
