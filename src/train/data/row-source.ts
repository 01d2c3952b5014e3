import { ChainruleError } from "../../core/errors.ts";
import { type NdArray, sizeOf, type TypedArray, zeros } from "../../core/ndarray.ts";
import { epochKeys, halfBits, permuteWith } from "../../core/permute.ts";
import { randomWord, STREAM } from "../../core/philox.ts";
import type { TensorSpec } from "../../graph/graph.ts";

/** Rows to learn from: x f32 [n, inputs], or tokens i32 [n, t]; y f32 [n, outputs], or class indices i32 [n]. */
export interface Rows {
  /** f32 [n, inputs], or tokens i32 [n, t]; further axes are taken as one. */
  readonly x: NdArray;
  /** f32 [n, outputs], or class indices i32 [n]. */
  readonly y: NdArray;
  /** Names of the classes, where y holds their indices: a loss on values takes none but numbers. */
  readonly classes?: readonly string[];
  /**
   * i32 [tokens]: the text of which x and y are windows side by side, where they are that. Training then draws windows
   * that begin elsewhere in every epoch; evaluation takes x and y as they are.
   */
  readonly text?: NdArray;
  /** i32 [n]: steps of each row that count, 0 to all, where rows are sequences of several lengths; absent: all. */
  readonly lengths?: NdArray;
}

/**
 * Rows that are read when they are needed, by number: a data set larger than memory. Only shapes and types are known
 * beforehand; values are checked as they are read.
 */
export interface RowSource {
  /** f32 [n, inputs] */
  readonly x: TensorSpec;
  /** f32 [n, outputs], or class indices i32 [n] */
  readonly y: TensorSpec;
  /** i32 [n], where rows have lengths. */
  readonly lengths?: TensorSpec;
  /** The rows of these numbers, in this order: x [index.length, ...]. Arrays are the caller's own. */
  read(index: Uint32Array): Promise<Rows>;
}

/** True where all rows are in memory. */
export function isResident(data: Rows | RowSource): data is Rows {
  return !("read" in data);
}

/** True where all rows are in memory, and fit on a device that binds at most so many bytes. */
export function fitsWhole(data: Rows | RowSource, maxBytes: number): data is Rows {
  return isResident(data) && Math.max(data.x.data.byteLength, data.y.data.byteLength) <= maxBytes;
}

/** For what looks at rows directly. Throws ChainruleError "usage" where they are read by number. */
export function requireResident(data: Rows | RowSource): Rows {
  if (isResident(data)) return data;
  throw new ChainruleError("usage", "this needs a data set that is in memory as a whole, and this one streams");
}

/** Rows in memory, as matchRows gives them, as a source. */
export function sourceOf(rows: Rows): RowSource {
  return {
    x: { shape: rows.x.shape, dtype: rows.x.dtype === "i32" ? "i32" : "f32" },
    y: { shape: rows.y.shape, dtype: rows.y.dtype === "i32" ? "i32" : "f32" },
    ...(rows.lengths && { lengths: { shape: rows.lengths.shape, dtype: "i32" } }),
    read: async (index) => ({
      x: picked(rows.x, index),
      y: picked(rows.y, index),
      ...(rows.lengths && { lengths: picked(rows.lengths, index) }),
    }),
  };
}

/** Rows `start` to `end` of a source. */
export function readRange(source: RowSource, start: number, end: number): Promise<Rows> {
  return source.read(Uint32Array.from({ length: end - start }, (_, i) => start + i));
}

/**
 * Parts of a source in a shuffled order of its own, from shares of its rows: nothing is read and nothing stored, since the
 * order is computed. Classes are not looked at, which would mean to read every label.
 */
export function splitSource(source: RowSource, shares: readonly number[], seed: number): RowSource[] {
  const n = source.x.shape[0]!;
  const keys = epochKeys(randomWord(seed, STREAM.split, 0, 0), 0);
  const half = halfBits(n);
  let at = 0;
  let sum = 0;
  return shares.map((share, k) => {
    const start = at;
    sum += share;
    at = k === shares.length - 1 ? n : Math.round(sum * n);
    const size = at - start;
    if (size < 1) throw new ChainruleError("data", `${n} rows are too few for a part of ${share}`);
    const part = ({ shape, dtype }: TensorSpec): TensorSpec => ({ shape: [size, ...shape.slice(1)], dtype });
    return {
      x: part(source.x),
      y: part(source.y),
      ...(source.lengths && { lengths: part(source.lengths) }),
      read: (index) => source.read(index.map((row) => permuteWith(keys, start + row, n, half))),
    };
  });
}

/** a [n, ...] -> [index.length, ...] */
function picked(a: NdArray, index: Uint32Array): NdArray {
  const width = sizeOf(a.shape.slice(1));
  const out = zeros([index.length, ...a.shape.slice(1)], a.dtype);
  index.forEach((row, i) => {
    out.data.set(a.data.subarray(row * width, (row + 1) * width) as TypedArray, i * width);
  });
  return out;
}
