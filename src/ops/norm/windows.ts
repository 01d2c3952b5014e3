import type { Binding, DeviceCaps } from "../../graph/op.ts";

/** Rows of a value, or images, that one launch looks at. */
export interface RowWindow {
  readonly first: number;
  readonly count: number;
  /** The one window of values that need no cutting. */
  readonly whole: boolean;
}

/** What a launch binds, and elements that it has of each row; 0 of what every launch sees whole. */
export type RowBinding = readonly [binding: Binding, each: number];

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/**
 * Cuts rows so that no binding exceeds what the device binds at once and each begins where one may: after a number of rows
 * that is a multiple of `multiple` too. Where so few already are too many, all of them are one window, and the value is
 * refused by its name before anything runs.
 */
export function rowWindows(
  rows: number,
  eaches: readonly number[],
  caps: DeviceCaps,
  multiple = 1,
): readonly RowWindow[] {
  const limit = Math.floor(caps.maxStorageBufferBindingSize / 4);
  const align = caps.minStorageBufferOffsetAlignment / 4;
  const largest = Math.max(...eaches);
  const aligned = Math.max(...eaches.filter((each) => each > 0).map((each) => align / gcd(align, each)));
  const step = (aligned * multiple) / gcd(aligned, multiple);
  const most = Math.floor(limit / largest / step) * step;
  if (rows * largest <= limit || most === 0) return [{ first: 0, count: rows, whole: true }];
  const windows: RowWindow[] = [];
  for (let first = 0; first < rows; first += most) {
    windows.push({ first, count: Math.min(most, rows - first), whole: false });
  }
  return windows;
}

/** The bindings of a launch over one window. */
export const boundIn = ({ first, count, whole }: RowWindow, bindings: readonly RowBinding[]): readonly Binding[] =>
  bindings.map(([b, each]) => (whole || each === 0 ? b : { ...b, offset: first * each, size: count * each }));

export const eachOf = (bindings: readonly RowBinding[]): readonly number[] => bindings.map(([, each]) => each);
