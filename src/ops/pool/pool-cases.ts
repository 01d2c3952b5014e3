import type { MaxPoolAttrs } from "./geometry.ts";

/** Shapes and windows that the checks of all poolings run on. */
export interface PoolSetting {
  readonly name: string;
  readonly shape: readonly number[];
  readonly attrs: MaxPoolAttrs;
}

type Row = readonly [
  shape: readonly number[],
  kernel: readonly number[],
  stride: readonly number[],
  padding: readonly number[],
  dilation: readonly number[],
  ceil: boolean,
];

/** In one and two dimensions; windows apart and over each other; uneven sizes, strides that leave places out, ceil. */
const rows: readonly Row[] = [
  [[1, 1, 1], [1], [1], [0], [1], false],
  [[1, 1, 2, 2], [2, 2], [2, 2], [0, 0], [1, 1], false],
  [[3, 2, 9], [2], [2], [0], [1], false],
  [[2, 3, 10], [3], [2], [1], [1], true],
  [[2, 2, 6], [3], [2], [1], [1], true],
  [[2, 1, 7], [2], [3], [1], [1], true],
  [[2, 3, 8, 8], [2, 2], [2, 2], [0, 0], [1, 1], false],
  [[1, 2, 5, 12], [3, 2], [2, 2], [1, 0], [1, 1], false],
  [[1, 2, 7, 8], [2, 2], [3, 2], [1, 0], [1, 1], true],
  [[2, 2, 5, 12], [2, 4], [3, 4], [1, 0], [1, 1], false],
  [[2, 2, 7, 9], [2, 2], [2, 2], [0, 0], [1, 1], true],
  [[1, 2, 7, 9], [3, 3], [2, 2], [1, 1], [1, 1], false],
  [[2, 1, 7, 10], [3, 3], [2, 2], [1, 1], [1, 1], true],
  [[1, 2, 9, 13], [3, 2], [1, 2], [1, 0], [1, 1], false],
  [[1, 1, 11, 17], [2, 4], [1, 1], [1, 2], [1, 1], false],
  [[1, 2, 9, 11], [2, 2], [3, 4], [1, 1], [1, 1], false],
  [[1, 1, 5, 6], [5, 6], [5, 6], [0, 0], [1, 1], false],
  [[2, 2, 2, 5], [3, 2], [2, 2], [0, 0], [1, 1], true],
  [[1, 3, 1, 19], [1, 3], [1, 1], [0, 1], [1, 1], false],
  [[70, 1, 3, 4], [2, 2], [1, 1], [0, 0], [1, 1], false],
  // Over each other, rows of places and windows whole fours.
  [[1, 2, 5, 24], [3, 3], [2, 2], [1, 1], [1, 1], false],
  [[2, 1, 4, 12], [3, 3], [1, 1], [1, 1], [1, 1], false],
  [[1, 1, 8, 8], [3, 3], [2, 2], [0, 0], [1, 1], true],
  [[1, 1, 5, 8], [3, 5], [1, 1], [0, 0], [1, 1], false],
  [[1, 1, 2, 8], [1, 5], [1, 1], [0, 2], [1, 1], false],
];
const dilated: readonly Row[] = [
  [[2, 2, 11], [3], [2], [1], [2], false],
  [[1, 2, 9, 12], [2, 3], [1, 2], [1, 1], [3, 2], true],
  [[1, 1, 8, 21], [3, 2], [2, 1], [1, 0], [2, 4], false],
  [[1, 1, 7, 16], [2, 5], [1, 2], [0, 2], [2, 1], false],
];

const settingOf = ([shape, kernel, stride, padding, dilation, ceil]: Row): PoolSetting => ({
  name:
    `${shape.join("x")}, kernel ${kernel.join("x")}, stride ${stride.join("x")}, padding ${padding.join("x")}` +
    `${dilation.every((d) => d === 1) ? "" : `, dilation ${dilation.join("x")}`}${ceil ? ", ceil" : ""}`,
  shape,
  attrs: { kernel, stride, padding, dilation, ceil },
});

export const settings = (): readonly PoolSetting[] => [...rows, ...dilated].map(settingOf);
/** Those that averages know. */
export const undilated = (): readonly PoolSetting[] => rows.map(settingOf);
