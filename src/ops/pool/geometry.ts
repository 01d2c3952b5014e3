import type { FoursForm } from "../../../shaders/pool/fours.ts";
import type { Across } from "../../../shaders/pool/overlapping.ts";
import { ChainruleError } from "../../core/errors.ts";
import { shapeText, sizeOf } from "../../core/ndarray.ts";
import { windowCount } from "../../core/window-count.ts";
import { callText, type TensorSpec, wrongShapes } from "../../graph/graph.ts";

/** How a window is moved over places; one entry for each dimension of places: one for [n, c, t], two for [n, c, h, w]. */
export interface WindowAttrs {
  /** Places of a window, from 1 up. */
  readonly kernel: readonly number[];
  /** Places from one window to the next, from 1 up. */
  readonly stride: readonly number[];
  /** Places before the first and behind the last that count as none, at most half the kernel. */
  readonly padding: readonly number[];
  /** A last window that reaches beyond the padding is kept, unless it would begin in the padding behind the last place. */
  readonly ceil: boolean;
}

/** Settings of maxPool. */
export interface MaxPoolAttrs extends WindowAttrs {
  /** Places from one element of a window to the next, from 1 up. */
  readonly dilation: readonly number[];
}

/** Settings of avgPool. */
export interface AvgPoolAttrs extends WindowAttrs {
  /** Whether places of the padding count in the mean, as zeros. */
  readonly countPadding: boolean;
}

/** One dimension of places. */
export interface PoolAxis {
  /** Places of x, and windows. */
  readonly size: number;
  readonly out: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
}

/** Sizes of a pooling: planes, one for each channel of each image; places in one dimension are those of one row. */
export interface PoolDims {
  readonly planes: number;
  readonly rows: PoolAxis;
  readonly columns: PoolAxis;
}

type Named = { readonly name: string };

const WHOLE_ROW: PoolAxis = { size: 1, out: 1, kernel: 1, stride: 1, padding: 0, dilation: 1 };

/** Places from a window's first to behind its last. */
export const reachOf = ({ kernel, dilation }: Pick<PoolAxis, "kernel" | "dilation">): number =>
  dilation * (kernel - 1) + 1;

/** Sizes of pooling x [n, c, ...places]. Throws ChainruleError "shape" that says what does not fit. */
export function poolDims(
  op: Named,
  inputs: readonly TensorSpec[],
  x: readonly number[],
  attrs: WindowAttrs & { readonly dilation?: readonly number[] },
): PoolDims {
  const dimensions = expectPlaces(op, inputs, x);
  const fault = (message: string): never => {
    throw new ChainruleError("shape", `${callText(op, inputs)}: ${message}`);
  };
  const dilation = attrs.dilation ?? x.slice(2).map(() => 1);
  const whole = { kernel: 1, stride: 1, padding: 0, dilation: 1 } as const;
  for (const [what, least] of Object.entries(whole) as readonly [keyof typeof whole, number][]) {
    const values = what === "dilation" ? dilation : attrs[what];
    const fits = values.length === dimensions && values.every((v) => Number.isInteger(v) && v >= least);
    if (!fits) {
      fault(
        `${what} must be ${dimensions} whole number(s) from ${least} up, one a dimension, got ${shapeText(values)}`,
      );
    }
  }
  const axes = x.slice(2).map((size, d): PoolAxis => {
    const [kernel, stride, padding] = [attrs.kernel[d]!, attrs.stride[d]!, attrs.padding[d]!];
    if (2 * padding > kernel)
      fault(`padding must be at most half the kernel, got ${padding} for a kernel of ${kernel}`);
    const axis = { size, kernel, stride, padding, dilation: dilation[d]! };
    const out = windowCount(size, reachOf(axis), stride, [padding, padding], attrs.ceil);
    if (out < 1) fault(`the window reaches over ${reachOf(axis)} of ${size + 2 * padding} padded places`);
    const empty = Array.from({ length: out }, (_, o) => firstPlace(axis, o)).findIndex((first) => first >= size);
    if (empty >= 0) fault(`window ${empty} holds nothing but padding: use less padding or dilation`);
    return { ...axis, out };
  });
  return dimsOf(x, axes);
}

/** Throws ChainruleError "shape" unless x has one or two dimensions of places; how many. */
export function expectPlaces(op: Named, inputs: readonly TensorSpec[], x: readonly number[]): number {
  if (x.length !== 3 && x.length !== 4) wrongShapes(op, inputs, "x [n, c, t] or [n, c, h, w]");
  return x.length - 2;
}

/** Of the axes in order. */
export function dimsOf(x: readonly number[], axes: readonly PoolAxis[]): PoolDims {
  const [rows, columns] = axes.length === 1 ? [WHOLE_ROW, axes[0]!] : [axes[0]!, axes[1]!];
  return { planes: x[0]! * x[1]!, rows, columns };
}

/** Shape of y, or of the index, for x. */
export const pooledShape = (x: readonly number[], { rows, columns }: PoolDims): readonly number[] =>
  x.length === 3 ? [x[0]!, x[1]!, columns.out] : [x[0]!, x[1]!, rows.out, columns.out];

/** For gradients: throws ChainruleError "shape" unless all of `given` are of y's shape. */
export function expectPooled(
  op: Named,
  inputs: readonly TensorSpec[],
  given: readonly TensorSpec[],
  x: readonly number[],
  dims: PoolDims,
): void {
  const want = shapeText(pooledShape(x, dims));
  if (given.some((t) => shapeText(t.shape) !== want)) wrongShapes(op, inputs, `${want} for x of ${shapeText(x)}`);
}

/** First place of window o that is none of the padding. */
export function firstPlace({ stride, padding, dilation }: Omit<PoolAxis, "size" | "out">, o: number): number {
  const begin = o * stride - padding;
  return begin >= 0 ? begin : begin + Math.ceil(-begin / dilation) * dilation;
}

/** How windows stand side by side along a row of whole fours or twos, where they do: see shaders/pool/fours.ts. */
export function foursForm({ columns }: PoolDims): FoursForm | null {
  const { size, kernel, stride, padding, dilation } = columns;
  if (size % kernel !== 0 || stride !== kernel || padding !== 0 || dilation !== 1) return null;
  if (kernel === 2) return size % 4 === 0 ? "pairs" : "twos";
  return kernel % 4 === 0 ? "fours" : null;
}

/** Kernels across whose elements are written out: more of them take more registers than Intel's GPUs have. */
const MOST_ACROSS = 5;

/**
 * How windows lie along a row where four neighbouring ones are taken at once: see shaders/pool/overlapping.ts. Null where rows
 * of places or of windows are no whole fours; backwards as many places are as those windows begin in.
 */
export function overlapping({ columns }: PoolDims, of: "y" | "x"): Across | null {
  const { size, out, kernel, stride, padding, dilation } = columns;
  const places = of === "x" ? 4 * stride : 4;
  if (stride > 2 || kernel < 2 || kernel > MOST_ACROSS || dilation !== 1) return null;
  return size % places === 0 && out % 4 === 0 ? { kernel, stride, padding } : null;
}

/** Elements of a plane that is a known answer's. */
const LARGEST_SAMPLE = 2 ** 16;

/** One plane, for which kernels have the same code: how windows lie along a row may be in it. Null where a plane is large. */
export function onePlane([t]: readonly TensorSpec[]): readonly TensorSpec[] | null {
  const shape = [1, 1, ...t!.shape.slice(2)];
  return sizeOf(shape) <= LARGEST_SAMPLE ? [{ ...t!, shape }] : null;
}

/** The same with each plane as one row, where it is one window: its places are neighbours. */
export function planesAsRows(dims: PoolDims): PoolDims {
  const { planes, rows, columns } = dims;
  const whole = [rows, columns].every((a) => a.out === 1 && a.kernel === a.size && a.padding === 0 && a.dilation === 1);
  if (!whole) return dims;
  const size = rows.size * columns.size;
  return { planes, rows: WHOLE_ROW, columns: { size, out: 1, kernel: size, stride: size, padding: 0, dilation: 1 } };
}

/** Whether planes are one window each and no whole fours, though all of them together are. */
export const wholePlanes = ({ planes, rows, columns: { size, kernel, out } }: PoolDims): boolean =>
  rows.size === 1 && out === 1 && kernel === size && size > 4 && size % 4 !== 0 && (planes * size) % 4 === 0;

/** Whether no place belongs to two windows. */
export const apart = ({ rows, columns }: PoolDims): boolean =>
  [rows, columns].every((axis) => reachOf(axis) <= axis.stride);
