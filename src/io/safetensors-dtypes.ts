import { halfOfBits } from "../core/half.ts";
import type { DType } from "../core/ndarray.ts";

/** How one element of a safetensors file is read. All values are little-endian. */
export interface Element {
  readonly bytes: number;
  /** What it becomes here. */
  readonly dtype: DType;
  /** NaN stands for an integer that `dtype` cannot hold. */
  readonly read: (view: DataView, at: number) => number;
}

/** Every dtype that fits the host's types without loss; integers beyond their range are refused, not wrapped. */
export const ELEMENTS: ReadonlyMap<string, Element> = new Map<string, Element>([
  ["F64", { bytes: 8, dtype: "f64", read: (view, at) => view.getFloat64(at, true) }],
  ["F32", { bytes: 4, dtype: "f32", read: (view, at) => view.getFloat32(at, true) }],
  ["F16", { bytes: 2, dtype: "f32", read: (view, at) => halfOfBits(view.getUint16(at, true)) }],
  ["BF16", { bytes: 2, dtype: "f32", read: readBfloat16 }],
  ["I64", { bytes: 8, dtype: "i32", read: (view, at) => within(view.getBigInt64(at, true), -(2n ** 31n), 2n ** 31n) }],
  ["U64", { bytes: 8, dtype: "u32", read: (view, at) => within(view.getBigUint64(at, true), 0n, 2n ** 32n) }],
  ["I32", { bytes: 4, dtype: "i32", read: (view, at) => view.getInt32(at, true) }],
  ["U32", { bytes: 4, dtype: "u32", read: (view, at) => view.getUint32(at, true) }],
  ["I16", { bytes: 2, dtype: "i32", read: (view, at) => view.getInt16(at, true) }],
  ["U16", { bytes: 2, dtype: "i32", read: (view, at) => view.getUint16(at, true) }],
  ["I8", { bytes: 1, dtype: "i32", read: (view, at) => view.getInt8(at) }],
  ["U8", { bytes: 1, dtype: "i32", read: (view, at) => view.getUint8(at) }],
  ["BOOL", { bytes: 1, dtype: "i32", read: (view, at) => (view.getUint8(at) === 0 ? 0 : 1) }],
]);

/** What each of the host's types is written as: halves as the f32 numbers that they are on the host. */
export const WRITTEN_AS: Readonly<Record<DType, string>> = {
  f64: "F64",
  f32: "F32",
  f16: "F32",
  i32: "I32",
  u32: "U32",
};

function within(value: bigint, low: bigint, high: bigint): number {
  return value >= low && value < high ? Number(value) : Number.NaN;
}

const word = new DataView(new ArrayBuffer(4));

/** The upper half of a binary32. */
function readBfloat16(view: DataView, at: number): number {
  word.setUint32(0, view.getUint16(at, true) << 16);
  return word.getFloat32(0);
}
