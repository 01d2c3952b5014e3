import { type ChipWriter, type Index, index } from "../../graph/chip.ts";
import { type PoolAxis, reachOf } from "./geometry.ts";

/** Places and windows on the chip, along one axis. Conditions are texts; "" is one that always holds. */

/** Something found, and the condition on which it is there; the index lies inside in any case. */
export interface Found {
  readonly i: Index;
  readonly inside: string;
}

/** All of them; by `&`, since `&&` is a branch, of which a compiler takes long for many. */
export const and = (...conditions: readonly string[]): string =>
  conditions
    .filter((c) => c !== "")
    .map((c) => `(${c})`)
    .join(" & ");

/** `value` where the condition holds, else `other`. */
export const where = (inside: string, value: string, other: string): string =>
  inside === "" ? value : `select(${other}, ${value}, ${inside})`;

/** Plane, row and column of element i of planes of rows x columns. */
export function planeAndPlace(
  w: ChipWriter,
  i: Index,
  rows: number,
  columns: number,
): { readonly plane: Index; readonly iy: Index; readonly ix: Index } {
  const line = w.name(index.over(i, columns));
  return {
    plane: w.name(index.over(line, rows)),
    iy: w.name(index.rest(line, rows)),
    ix: w.name(index.rest(i, columns)),
  };
}

/** Place k of window o, or null where it is known to lie in the padding. */
export function placeOf(w: ChipWriter, axis: PoolAxis, o: Index, k: Index): Found | null {
  const { size, out, kernel, stride, padding, dilation } = axis;
  const padded = index.plus(index.times(o, stride), index.times(k, dilation));
  if (typeof padded === "number") {
    const i = padded - padding;
    return i >= 0 && i < size ? { i, inside: "" } : null;
  }
  if (padding === 0 && (out - 1) * stride + (kernel - 1) * dilation < size) return { i: w.name(padded), inside: "" };
  // What lies before the first place wraps to a large number.
  const i = w.name(`(${padded} - ${padding}u)`);
  return { i: w.name(`min(${i}, ${size - 1}u)`), inside: `${i} < ${size}u` };
}

/** How many windows may reach one place. */
export const mostWindows = (axis: PoolAxis): number => Math.ceil(reachOf(axis) / axis.stride);

/** Of the windows that may reach place i, the k-th before the last; null where it is known not to. */
export function windowAt(w: ChipWriter, axis: PoolAxis, i: Index, k: Index): Found | null {
  const { out, stride, padding } = axis;
  const reach = reachOf(axis);
  const t = index.plus(i, padding);
  if (typeof t === "number" && typeof k === "number") {
    const o = Math.floor(t / stride) - k;
    return o >= 0 && o < out && o * stride + reach > t ? { i: o, inside: "" } : null;
  }
  // What lies before the first window wraps to a large number, and is none of them as those behind the last.
  const o = w.name(`(${index.text(index.over(t, stride))} - ${index.text(k)})`);
  const inside = and(`${o} < ${out}u`, `${index.text(t)} < ${index.text(o)} * ${stride}u + ${reach}u`);
  return { i: w.name(`min(${index.text(o)}, ${out - 1}u)`), inside };
}
