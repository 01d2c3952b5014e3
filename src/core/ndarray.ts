import { ChainruleError } from "./errors.ts";

/**
 * Element types of arrays. f64 exists on the host alone, for checks. f16 is a way to store: halves on the device, two to a
 * word; on the host, and wherever the CPU computes, f32 numbers that a half can hold (the op toHalf rounds them).
 */
export type DType = "f32" | "f64" | "f16" | "i32" | "u32";
/** Dimensions, outermost first; row-major order. A scalar is [1]. */
export type Shape = readonly number[];
/** What holds an array's values: f32, f64, i32 and u32 in this order. */
export type TypedArray = Float32Array | Float64Array | Int32Array | Uint32Array;

/** A dense row-major array on the host. `data.length` is the product of `shape`. */
export interface NdArray {
  /** Its dimensions. */
  readonly shape: Shape;
  /** The type of its elements. */
  readonly dtype: DType;
  /** Its elements, row after row. */
  readonly data: TypedArray;
}

const constructors = {
  f32: Float32Array,
  f64: Float64Array,
  f16: Float32Array,
  i32: Int32Array,
  u32: Uint32Array,
} as const;

/** Number of elements of a shape. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const d of shape) size *= d;
  return size;
}

/** `[64, 10]` as text, for messages. */
export function shapeText(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((d, i) => d === b[i]);
}

/** An array of zeros. */
export function zeros(shape: Shape, dtype: DType): NdArray {
  return { shape, dtype, data: new constructors[dtype](sizeOf(shape)) };
}

/** Wraps or copies `values` as an array of the given shape. Throws when the counts differ. */
export function ndarray(shape: Shape, dtype: DType, values: ArrayLike<number>): NdArray {
  const size = sizeOf(shape);
  if (values.length !== size) {
    throw new ChainruleError(
      "shape",
      `an array of shape ${shapeText(shape)} holds ${size} values, got ${values.length}`,
    );
  }
  const wanted = constructors[dtype];
  return { shape, dtype, data: values instanceof wanted ? values : wanted.from(values) };
}

/** Throws ChainruleError where `a` is not as ndarray() makes it: lists of lists, say, or nothing. */
export function requireNdArray(a: NdArray, what: string, code: "data" | "file" = "data"): void {
  const shaped = Array.isArray(a?.shape) && a.shape.every((d) => Number.isSafeInteger(d) && d >= 0);
  const known = shaped && Object.hasOwn(constructors, a.dtype);
  // By name: `instanceof` is false for what another realm made, a test runner's or a frame's.
  const held = known && a.data?.[Symbol.toStringTag] === constructors[a.dtype].name;
  if (!held || a.data.length !== sizeOf(a.shape)) {
    throw new ChainruleError(code, `${what} is no array as ndarray(shape, dtype, values) makes it`);
  }
}

/** The same values in another element type (the same object when nothing changes). */
export function cast(a: NdArray, dtype: DType): NdArray {
  return a.dtype === dtype ? a : { shape: a.shape, dtype, data: constructors[dtype].from(a.data) };
}

/** The same data under another shape of equal size. */
export function reshape(a: NdArray, shape: Shape): NdArray {
  return ndarray(shape, a.dtype, a.data);
}

/** Rows `start` to `end` of the first axis; shares memory. */
export function rows(a: NdArray, start: number, end: number): NdArray {
  const width = a.shape[0] === 0 ? 0 : a.data.length / a.shape[0]!;
  return {
    shape: [end - start, ...a.shape.slice(1)],
    dtype: a.dtype,
    data: a.data.subarray(start * width, end * width) as TypedArray,
  };
}

/** Index of the first element that is NaN or infinite, or -1. */
export function firstNotFinite(data: ArrayLike<number>): number {
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) return i;
  return -1;
}

/** Coordinates of a flat index: 7 in [2, 5] is [1, 2]. */
export function unravel(index: number, shape: Shape): number[] {
  const out = new Array<number>(shape.length);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    out[axis] = index % shape[axis]!;
    index = Math.floor(index / shape[axis]!);
  }
  return out;
}
