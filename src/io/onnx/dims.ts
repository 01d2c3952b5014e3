import type { Shape } from "../../core/ndarray.ts";

/** The first axis of what flows through a net, whose size no file has to know. */
export const BATCH = "batch";
/** So many times the batch, as heads beside rows are. */
export type BatchTimes = `${typeof BATCH}*${number}`;
/** Size of an axis; null where it is not known. */
export type Dim = number | typeof BATCH | BatchTimes | null;
/** Axes of a value; null where not even their number is known. */
export type Dims = readonly Dim[] | null;

/** For messages: [batch, 4]. */
export const dimsText = (dims: readonly Dim[]): string => `[${dims.map((d) => d ?? "?").join(", ")}]`;

/** A size as a number, or so many times the batch; null where it is not known. */
export function factored(d: Dim): { readonly count: number; readonly batch: boolean } | null {
  if (d === null) return null;
  if (typeof d === "number") return { count: d, batch: false };
  return { count: d === BATCH ? 1 : Number(d.slice(BATCH.length + 1)), batch: true };
}

/** The size that `factored` takes apart. */
export function dimOf(count: number, batch: boolean): Dim {
  if (!batch) return count;
  return count === 1 ? BATCH : `${BATCH}*${count}`;
}

/** Product of two sizes; null where one is not known, or both have the batch in them. */
export function timesDim(a: Dim, b: Dim): Dim {
  const [x, y] = [factored(a), factored(b)];
  return !x || !y || (x.batch && y.batch) ? null : dimOf(x.count * y.count, x.batch || y.batch);
}

/** Product of sizes; null where one is not known. */
export function product(dims: readonly Dim[]): number | null {
  let size = 1;
  for (const d of dims) {
    if (typeof d !== "number") return null;
    size *= d;
  }
  return size;
}

/** Numbers in a row: in all axes but the batch's. */
export const rowSize = (dims: Dims): number | null => (dims === null ? null : product(dims.slice(1)));

/** Whether the last axis is a whole row: [batch, n], or with axes of one between. Where nothing is known it may be. */
export const isRows = (dims: Dims): boolean =>
  dims === null || (dims.length >= 2 && dims.slice(1, -1).every((d) => d === 1));

/** An axis counted from the front; null where it is none. */
export function axisOf(axis: number, rank: number): number | null {
  const from = axis < 0 ? axis + rank : axis;
  return Number.isInteger(from) && from >= 0 && from < rank ? from : null;
}

/** Axes of one are taken out: those named, or all of them. Null where one is not of size one, or is the batch's. */
export function squeezed(dims: readonly Dim[], axes: readonly number[] | null): readonly Dim[] | null {
  if (axes === null) return dims.filter((d) => d !== 1);
  const from = axes.map((axis) => axisOf(axis, dims.length));
  if (from.some((axis) => axis === null || dims[axis] !== 1)) return null;
  return dims.filter((_, i) => !from.includes(i));
}

/** Axes of one are put in, where they are to stand in the end. Null where that is nowhere. */
export function unsqueezed(dims: readonly Dim[], axes: readonly number[]): readonly Dim[] | null {
  const rank = dims.length + axes.length;
  const at = new Set(axes.map((axis) => axisOf(axis, rank)));
  if (at.has(null) || at.size !== axes.length) return null;
  let next = 0;
  return Array.from({ length: rank }, (_, i) => (at.has(i) ? 1 : dims[next++]!));
}

/** Shape of one array spread over another's; null where they do not fit. */
export function broadcast(a: Shape, b: Shape): Shape | null {
  const rank = Math.max(a.length, b.length);
  const out: number[] = [];
  for (let i = 0; i < rank; i++) {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) return null;
    out.push(x === 1 ? y : x);
  }
  return out;
}

/** Where the value for each place of `shape` lies in an array of `dims`, which is spread over it. */
export function spread(dims: Shape, shape: Shape): (index: number) => number {
  const strides: number[] = [];
  let stride = 1;
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    strides.unshift(dims[axis] === 1 ? 0 : stride);
    stride *= dims[axis]!;
  }
  const own = [...Array(shape.length - dims.length).fill(0), ...strides] as number[];
  return (index) => {
    let at = 0;
    for (let axis = shape.length - 1, rest = index; axis >= 0; axis--) {
      at += (rest % shape[axis]!) * own[axis]!;
      rest = Math.floor(rest / shape[axis]!);
    }
    return at;
  };
}
