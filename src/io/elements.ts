import { halfOfBits } from "../core/half.ts";
import { cast, type DType, type NdArray, type Shape, zeros } from "../core/ndarray.ts";

/** How one element of a file is read. */
export interface Element {
  readonly bytes: number;
  /** What it becomes here; of integers of 64 bits where all of an array fit, else f64. */
  readonly dtype: DType;
  /** NaN stands for an integer that f64 cannot hold. */
  readonly read: (view: DataView, at: number, little: boolean) => number;
}

/**
 * Every element type, by its name in safetensors, that fits the host's types without loss; integers beyond 2^53 that f64
 * would round are refused, not rounded.
 */
export const ELEMENTS: ReadonlyMap<string, Element> = new Map<string, Element>([
  ["F64", { bytes: 8, dtype: "f64", read: (view, at, little) => view.getFloat64(at, little) }],
  ["F32", { bytes: 4, dtype: "f32", read: (view, at, little) => view.getFloat32(at, little) }],
  ["F16", { bytes: 2, dtype: "f32", read: (view, at, little) => halfOfBits(view.getUint16(at, little)) }],
  ["BF16", { bytes: 2, dtype: "f32", read: readBfloat16 }],
  ["I64", { bytes: 8, dtype: "i32", read: (view, at, little) => exactly(view.getBigInt64(at, little)) }],
  ["U64", { bytes: 8, dtype: "u32", read: (view, at, little) => exactly(view.getBigUint64(at, little)) }],
  ["I32", { bytes: 4, dtype: "i32", read: (view, at, little) => view.getInt32(at, little) }],
  ["U32", { bytes: 4, dtype: "u32", read: (view, at, little) => view.getUint32(at, little) }],
  ["I16", { bytes: 2, dtype: "i32", read: (view, at, little) => view.getInt16(at, little) }],
  ["U16", { bytes: 2, dtype: "i32", read: (view, at, little) => view.getUint16(at, little) }],
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

/** How a stretch of a file holds an array. The file must have the bytes: nothing here looks. */
export interface Layout {
  /** Name among ELEMENTS. */
  readonly type: string;
  readonly shape: Shape;
  /** Where the values begin. */
  readonly start: number;
  readonly little: boolean;
  /** First index fastest, as Fortran has it; else last index fastest. */
  readonly firstFastest: boolean;
}

/**
 * The array, as a copy: it does not keep `bytes` alive, nor need they be aligned. Rank 0 comes as [1], the scalar of
 * this library. `refuse` is told the index of a value that f64 cannot hold.
 */
export function readArray(bytes: Uint8Array, layout: Layout, refuse: (value: number) => never): NdArray {
  const { type, shape, start, little, firstFastest } = layout;
  const element = ELEMENTS.get(type)!;
  const out = roomFor(shape, element);
  const { data } = out;
  const inOrder = !firstFastest || shape.length < 2;
  if (inOrder && little && WRITTEN_AS[element.dtype] === type) {
    // The values' own bytes: every platform of the web and of Node is little-endian.
    const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    raw.set(bytes.subarray(start, start + data.byteLength));
    return out;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const place = inOrder ? (i: number) => i : counter(shape);
  for (let i = 0; i < data.length; i++)
    data[place(i)] = valueAt(view, start + i * element.bytes, little, element, i, refuse);
  return narrowed(out, element);
}

/** The array that a view of memory is: `strides` says how many elements further the next lies, for each axis. */
export function readStrided(
  bytes: Uint8Array,
  layout: Omit<Layout, "firstFastest"> & { readonly strides: readonly number[] },
  refuse: (value: number) => never,
): NdArray {
  const { type, shape, start, little, strides } = layout;
  const element = ELEMENTS.get(type)!;
  const out = roomFor(shape, element);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const index = shape.map(() => 0);
  let from = 0;
  for (let i = 0; i < out.data.length; i++) {
    out.data[i] = valueAt(view, start + from * element.bytes, little, element, i, refuse);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]!++;
      from += strides[axis]!;
      if (index[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return narrowed(out, element);
}

/** Integers of 64 bits are read as f64, until it is seen whether all fit the smaller type. */
function roomFor(shape: Shape, { bytes, dtype }: Element): NdArray {
  return zeros(shape.length === 0 ? [1] : shape, bytes === 8 ? "f64" : dtype);
}

function valueAt(
  view: DataView,
  at: number,
  little: boolean,
  { dtype, read }: Element,
  i: number,
  refuse: (value: number) => never,
): number {
  const value = read(view, at, little);
  return Number.isNaN(value) && isInteger(dtype) ? refuse(i) : value;
}

function narrowed(a: NdArray, { dtype }: Element): NdArray {
  return isInteger(dtype) && a.dtype === "f64" && a.data.every((v) => holds(dtype, v)) ? cast(a, dtype) : a;
}

const isInteger = (dtype: DType): boolean => dtype === "i32" || dtype === "u32";

/** Asked in order, the row-major place of the next value where the first index runs fastest. */
function counter(shape: Shape): () => number {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  const index = shape.map(() => 0);
  let next = 0;
  return () => {
    const at = next;
    for (let axis = 0; axis < shape.length; axis++) {
      index[axis]!++;
      next += strides[axis]!;
      if (index[axis]! < shape[axis]!) break;
      next -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
    return at;
  };
}

/** The number that a whole number is, or NaN where f64 would round it. */
function exactly(value: bigint): number {
  const number = Number(value);
  return BigInt(number) === value ? number : Number.NaN;
}

/** For messages, behind the name of a value. */
export const BEYOND_F64 =
  "lies beyond 2^53, and f64 would round it: store it in larger units, or as a float of 64 bits";

const LEAST: Readonly<Partial<Record<DType, number>>> = { i32: -(2 ** 31), u32: 0 };

/** Whether a type of integers holds a number. */
export const holds = (dtype: DType, value: number): boolean =>
  value >= LEAST[dtype]! && value < LEAST[dtype]! + 2 ** 32;

const word = new DataView(new ArrayBuffer(4));

/** The upper half of a binary32. */
function readBfloat16(view: DataView, at: number, little: boolean): number {
  word.setUint32(0, view.getUint16(at, little) << 16);
  return word.getFloat32(0);
}
