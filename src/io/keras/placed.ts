import { type Shape, shapeText, sizeOf } from "../../core/ndarray.ts";
import type { Value, WiredNet } from "../net/wired-net.ts";

/**
 * A value as Keras has it, and where it lies here. Keras's axis a is axis `axes[a]` of the value here; where that does not
 * give `shape`, the numbers in that order are what a Reshape or Flatten has made another shape of. Moving axes and
 * reshaping cost nothing until a layer needs the numbers in order.
 */
export interface Placed {
  readonly value: Value;
  readonly axes: readonly number[];
  readonly shape: Shape;
}

const inOrder = (rank: number): readonly number[] => Array.from({ length: rank }, (_, i) => i);

/** Channels, and then places, by their axes in Keras. */
export const channelsFirst = (rank: number, format: "channels_first" | "channels_last"): readonly number[] =>
  format === "channels_first" ? inOrder(rank) : [rank - 1, ...inOrder(rank - 1)];

/** A value whose axis k here is Keras's axis order[k]. */
export function placedAs(net: WiredNet, value: Value, order: readonly number[]): Placed {
  const own = net.shapeOf(value);
  const axes = order.map((_, axis) => order.indexOf(axis));
  return { value, axes, shape: axes.map((axis) => own[axis]!) };
}

/** Keras's shape before any Reshape. */
const movedShape = (net: WiredNet, { value, axes }: Placed): Shape => {
  const own = net.shapeOf(value);
  return axes.map((axis) => own[axis]!);
};

const isPlain = (net: WiredNet, placed: Placed): boolean =>
  shapeText(movedShape(net, placed)) === shapeText(placed.shape);

/** The same with its numbers in Keras's order, where it was reshaped. */
function plain(net: WiredNet, placed: Placed, where: string): Placed {
  if (isPlain(net, placed)) return placed;
  const moved = net.permute(placed.value, placed.axes, where);
  const value = net.reshape(moved, placed.shape, where);
  return { value, axes: inOrder(placed.shape.length), shape: placed.shape };
}

/** The value with Keras's axes in an order: axis k of what is given is Keras's axis order[k]. */
export function inAxes(net: WiredNet, placed: Placed, order: readonly number[], where: string): Value {
  const { value, axes } = plain(net, placed, where);
  return net.permute(
    value,
    order.map((axis) => axes[axis]!),
    where,
  );
}

/** The value as Keras has it. */
export const inKerasOrder = (net: WiredNet, placed: Placed, where: string): Value =>
  inAxes(net, placed, inOrder(placed.shape.length), where);

/** Keras's axes in another order; nothing moves here. */
export function permuted(net: WiredNet, placed: Placed, order: readonly number[], where: string): Placed {
  const { value, axes, shape } = plain(net, placed, where);
  return { value, axes: order.map((axis) => axes[axis]!), shape: order.map((axis) => shape[axis]!) };
}

/** The axis here of one of Keras's axes, after which a layer that works along it is to be called. */
export function axisHere(net: WiredNet, placed: Placed, axis: number, where: string): { placed: Placed; axis: number } {
  const now = plain(net, placed, where);
  return { placed: now, axis: now.axes[axis]! };
}

/** For each of Keras's numbers of a row, in its order, the place where it lies here; null where that is the same. */
export function rowOrder(net: WiredNet, { value, axes }: Placed): Int32Array | null {
  const own = net.shapeOf(value);
  const large = axes.filter((axis) => own[axis] !== 1);
  if (large.every((axis, i) => i === 0 || axis > large[i - 1]!)) return null;
  const strides = own.map((_, i) => sizeOf(own.slice(i + 1)));
  return Int32Array.from({ length: sizeOf(own) }, (_, at) => {
    let place = 0;
    for (let k = axes.length - 1, rest = at; k >= 0; k--) {
      const length = own[axes[k]!]!;
      place += (rest % length) * strides[axes[k]!]!;
      rest = Math.floor(rest / length);
    }
    return place;
  });
}
