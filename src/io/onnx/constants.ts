import { type NdArray, shapeText, sizeOf, zeros } from "../../core/ndarray.ts";
import type { Dim } from "./dims.ts";
import { refuse } from "./protobuf.ts";
import { eachValue, isWhole, type OnnxTensor } from "./tensor.ts";

/** An array that the graph does not compute from its input: an initializer, or what nodes make of some. */
export interface Constant {
  readonly dims: readonly number[];
  /** Integers. */
  readonly whole: boolean;
  /** What this is the transpose of. */
  readonly original?: Constant;
  /** How many others its values are drawn through. */
  readonly depth: number;
  each(use: (value: number, index: number) => void): void;
}

/** No exporter turns an array around so often; each time is a call within a call. */
const MOST_DEPTH = 50;
/** Numbers that a constant of another kind than an array may have: a shape, a list of axes. */
const MOST_NUMBERS = 8;

export function fromTensor(tensor: OnnxTensor): Constant {
  return { dims: tensor.dims, whole: isWhole(tensor.type), depth: 0, each: (use) => eachValue(tensor, use) };
}

export function fromNumbers(dims: readonly number[], whole: boolean, values: ArrayLike<number>): Constant {
  return {
    dims,
    whole,
    depth: 0,
    each: (use) => {
      for (let i = 0; i < values.length; i++) use(values[i]!, i);
    },
  };
}

export function transposed(of: Constant): Constant {
  if (of.original) return of.original;
  const [rows, columns] = of.dims as readonly [number, number];
  const place = (i: number): number => (i % columns) * rows + Math.floor(i / columns);
  return {
    dims: [columns, rows],
    whole: of.whole,
    original: of,
    depth: deeper(of),
    each: (use) => of.each((value, i) => use(value, place(i))),
  };
}

/** Whole numbers: what is behind the point is cut off. */
export function truncated(of: Constant): Constant {
  const each: Constant["each"] = (use) => of.each((value, i) => use(Math.trunc(value), i));
  return { dims: of.dims, whole: true, depth: deeper(of), each };
}

function deeper({ depth }: Constant): number {
  return depth < MOST_DEPTH ? depth + 1 : refuse(`a constant is turned around more than ${MOST_DEPTH} times`);
}

/** The same values in the same order under other dimensions. */
export function withDims(of: Constant, dims: readonly number[]): Constant {
  return { dims, whole: of.whole, depth: of.depth, each: of.each };
}

/** What all arrays that are computed from others may take together, since a small file can ask for a great many. */
export class Room {
  constructor(private left: number) {}

  /** Room for `size` numbers of f64. */
  claim(size: number, where: string): Float64Array {
    this.left -= 8 * size;
    if (!(this.left >= 0)) refuse(`${where}: the arrays that nodes make of others are far larger than the file`);
    return new Float64Array(size);
  }
}

/** All values of a constant. */
export function valuesOf(constant: Constant, room: Room, where: string): Float64Array {
  const out = room.claim(sizeOf(constant.dims), where);
  constant.each((value, i) => {
    out[i] = value;
  });
  return out;
}

/** The one number of a constant; null where it has several. */
export function scalarOf(constant: Constant | undefined): number | null {
  if (!constant || sizeOf(constant.dims) !== 1) return null;
  let out = 0;
  constant.each((value) => {
    out = value;
  });
  return out;
}

/** The numbers of a small constant; null where there are more than a shape has. */
export function numbersOf(constant: Constant | undefined): readonly number[] | null {
  if (!constant || sizeOf(constant.dims) > MOST_NUMBERS) return null;
  const out: number[] = [];
  constant.each((value, i) => {
    out[i] = value;
  });
  return out;
}

/** f32 [rows, columns] times `scale`, or its transpose. */
export function matrixOf(constant: Constant, swap: boolean, scale: number, where: string): NdArray {
  const { dims } = constant;
  if (dims.length !== 2 || constant.whole) {
    refuse(`${where}: its weight must be a matrix of floats, but is ${shapeText(dims)}`);
  }
  const source = swap ? transposed(constant) : constant;
  const out = zeros(source.dims, "f32");
  source.each((value, i) => {
    out.data[i] = value * scale;
  });
  return out;
}

/** f32 [size] times `scale`, from as many numbers or one that stands for all. */
export function vectorOf(constant: Constant, size: number, scale: number, where: string): NdArray {
  const held = sizeOf(constant.dims);
  const flat = constant.dims.slice(0, -1).every((d) => d === 1);
  if (constant.whole || !flat || (held !== size && held !== 1)) {
    refuse(`${where}: expected ${size} floats, or one, but got ${shapeText(constant.dims)}`);
  }
  const out = zeros([size], "f32");
  constant.each((value, i) => {
    out.data[i] = value * scale;
  });
  if (held === 1) out.data.fill(out.data[0]!);
  return out;
}

/** What a node asks of the sweep that meets it. */
export interface Known {
  constant(name: string | undefined): Constant | undefined;
  /** Whole numbers, some of which may be sizes of axes. */
  numbers(name: string | undefined): readonly Dim[] | null;
  readonly room: Room;
}
