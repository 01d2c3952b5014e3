import type { ConvAttrs } from "./geometry.ts";

/** Shapes of x and w, and how the one moves over the other. */
export interface Setting {
  readonly name: string;
  readonly x: readonly number[];
  readonly w: readonly number[];
  readonly attrs: ConvAttrs;
}

type Padding = number | readonly [before: number, after: number];

interface More {
  readonly stride?: number | readonly number[];
  readonly padding?: Padding | readonly Padding[];
  readonly dilation?: number | readonly number[];
  readonly groups?: number;
}

/** Numbers that are left out are the usual ones; one number stands for each dimension. */
function setting(name: string, x: readonly number[], w: readonly number[], more: More = {}): Setting {
  const dimensions = x.length - 2;
  const each = (v: number | readonly number[]): readonly number[] =>
    typeof v === "number" ? new Array<number>(dimensions).fill(v) : v;
  const { padding = 0 } = more;
  const pads =
    typeof padding === "number" ? new Array<Padding>(dimensions).fill(padding) : (padding as readonly Padding[]);
  const attrs = {
    stride: each(more.stride ?? 1),
    padding: pads.map((p) => (typeof p === "number" ? ([p, p] as const) : p)),
    dilation: each(more.dilation ?? 1),
    groups: more.groups ?? 1,
  };
  return { name, x, w, attrs };
}

/** What the cases of the three ops are made of: small, odd, at every edge, and some that fill a kernel's tiles. */
export const convSettings: readonly Setting[] = [
  setting("one of each", [1, 1, 1], [1, 1, 1]),
  setting("one place, padded", [2, 1, 1, 1], [3, 1, 3, 3], { padding: 1 }),
  setting("1-d, kernel 3", [3, 2, 11], [5, 2, 3], { padding: 1 }),
  setting("1-d, stride 2, dilation 2", [2, 3, 14], [4, 3, 3], { stride: 2, padding: 2, dilation: 2 }),
  setting("1-d, stride 3 leaves places unread", [2, 2, 12], [3, 2, 2], { stride: 3, padding: [[0, 1]] }),
  setting("1-d, even kernel, padded behind", [1, 4, 9], [6, 4, 4], { padding: [[1, 2]] }),
  setting("1-d, depthwise", [3, 6, 10], [6, 1, 3], { padding: 1, groups: 6 }),
  setting("1-d, as long as the padded input", [4, 2, 5], [3, 2, 7], { padding: 1 }),
  setting("1x1", [3, 5, 4, 6], [7, 5, 1, 1]),
  setting("1x1, stride 2", [2, 4, 7, 6], [3, 4, 1, 1], { stride: 2 }),
  setting("3x3", [2, 3, 7, 5], [4, 3, 3, 3], { padding: 1 }),
  setting("3x3 without padding", [2, 4, 6, 9], [5, 4, 3, 3]),
  setting("3x3, stride 2", [2, 4, 8, 7], [6, 4, 3, 3], { stride: 2, padding: 1 }),
  setting("3x2, strides 2 and 3", [3, 2, 9, 10], [4, 2, 3, 2], { stride: [2, 3], padding: [[0, 1], 1] }),
  setting("2x4, dilations 2 and 1", [2, 3, 8, 9], [3, 3, 2, 4], { padding: [1, [2, 0]], dilation: [2, 1] }),
  setting("5x5, padding 2", [1, 1, 12, 12], [8, 1, 5, 5], { padding: 2 }),
  setting("stride 2, dilation 2, padding 2", [2, 2, 9, 8], [3, 2, 3, 3], { stride: 2, padding: 2, dilation: 2 }),
  setting("stride 2, dilation 3", [1, 3, 11, 10], [2, 3, 3, 2], { stride: 2, padding: 1, dilation: 3 }),
  setting("stride larger than the kernel", [2, 2, 10, 10], [3, 2, 2, 2], { stride: 3 }),
  setting("two groups", [2, 6, 6, 5], [8, 3, 3, 3], { padding: 1, groups: 2 }),
  setting("two groups, stride 2", [3, 4, 7, 8], [6, 2, 2, 3], { stride: 2, padding: [[0, 1], 1], groups: 2 }),
  setting("three groups of two channels to one", [2, 6, 7, 9], [3, 2, 3, 3], { padding: 1, groups: 3 }),
  setting("depthwise", [2, 5, 8, 7], [5, 1, 3, 3], { padding: 1, groups: 5 }),
  setting("depthwise, stride 2, two kernels a channel", [2, 3, 9, 9], [6, 1, 3, 3], {
    stride: 2,
    padding: 1,
    groups: 3,
  }),
  setting("as large as the padded input", [3, 3, 4, 5], [4, 3, 6, 7], { padding: 1 }),
  setting("16 to 16 channels", [3, 16, 9, 9], [16, 16, 3, 3], { padding: 1 }),
  setting("19 to 33 channels", [2, 19, 10, 11], [33, 19, 3, 3], { padding: 1 }),
  setting("20 to 36 channels, stride 2", [2, 20, 12, 13], [36, 20, 3, 3], { stride: 2, padding: 1 }),
  setting("two groups of 12 to 20 channels", [2, 24, 8, 8], [40, 12, 3, 3], { padding: 1, groups: 2 }),
  setting("32 to 33 channels", [1, 32, 9, 10], [33, 32, 3, 3], { padding: [1, [2, 0]] }),
  setting("one channel, 28 x 28", [4, 1, 28, 28], [10, 1, 3, 3], { padding: 1 }),
  setting("three channels to 16", [5, 3, 16, 16], [16, 3, 3, 3], { padding: 1 }),
  setting("1x1, 48 to 24 channels", [2, 48, 6, 6], [24, 48, 1, 1]),
  setting("1x1, 3 to 68 channels", [2, 3, 4, 5], [68, 3, 1, 1]),
  setting("depthwise, bands of rows", [2, 48, 13, 20], [48, 1, 3, 3], { padding: 1, groups: 48 }),
];
