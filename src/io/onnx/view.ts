import type { Shape } from "../../core/ndarray.ts";
import type { Value, WiredNet } from "../net/wired-net.ts";
import { BATCH, type Dim, dimOf, factored } from "./dims.ts";

/** One step through a value's numbers: so many of them, so far apart in a row; or its rows, the batch. */
export interface Atom {
  readonly size: number | typeof BATCH;
  /** Between neighbours, in numbers of a row; 0 where one is repeated. */
  readonly stride: number;
}

/** An axis as what it goes through, the outermost first; none of them where its size is 1. */
export type Axis = readonly Atom[];

/**
 * A value as the file has it, while axes move: the numbers of `value` from `offset` on, gone through in another order. No
 * layer is made of moves, cuts and repetitions before something needs the numbers in that order.
 */
export interface View {
  readonly value: Value;
  readonly axes: readonly Axis[];
  readonly offset: number;
}

export const BATCH_ATOM: Atom = { size: BATCH, stride: 0 };

/** Rows of a value as they lie: the batch, then the axes of a row. */
export function canonical(value: Value, shape: Shape): View {
  return { value, axes: [[BATCH_ATOM], ...stretches(shape)], offset: 0 };
}

/** Axes of a row that lies there as it is. */
export function stretches(shape: Shape): readonly Axis[] {
  let stride = shape.reduce((a, b) => a * b, 1);
  return shape.map((size) => {
    stride /= size;
    return size === 1 ? [] : [{ size, stride }];
  });
}

/** Numbers along an axis, and whether the batch is one of its steps. */
export const countOf = (axis: Axis): number => axis.reduce((n, { size }) => n * (size === BATCH ? 1 : size), 1);
export const hasBatch = (axis: Axis): boolean => axis.some(({ size }) => size === BATCH);

/** The axes as inference writes them. */
export const dimsOf = ({ axes }: Pick<View, "axes">): readonly Dim[] =>
  axes.map((axis) => dimOf(countOf(axis), hasBatch(axis)));

/** Neighbouring steps that are one. */
export function merged(axis: Axis): Axis {
  const out: Atom[] = [];
  for (const atom of axis) {
    const last = out.at(-1);
    const one = last && last.size !== BATCH && atom.size !== BATCH && last.stride === atom.stride * atom.size;
    if (one) out.splice(-1, 1, { size: (last.size as number) * (atom.size as number), stride: atom.stride });
    else out.push(atom);
  }
  return out;
}

/** How far from the first each number of an axis is, the batch left out. */
export function offsetsOf(axis: Axis): readonly number[] {
  return axis.reduce<readonly number[]>(
    (offsets, { size, stride }) =>
      size === BATCH ? offsets : offsets.flatMap((at) => Array.from({ length: size }, (_, i) => at + i * stride)),
    [0],
  );
}

/** A step while it is shared among axes. */
interface Left {
  atom: Atom;
}

/**
 * The same numbers in the same order under other axes; null where they do not fit. In `target` 0 keeps an axis (not where
 * `zeros` says that it is a size), -1 is what is left, and so is what is not known. `batchSize` is the batch's where the
 * file fixes it: then a target may hold it as a number.
 */
export function regrouped(
  axes: readonly Axis[],
  target: readonly Dim[],
  batchSize: number | null,
): readonly Axis[] | null {
  const all = axes.flat();
  const wanted = target.map((t, i) => (t === 0 && i < axes.length ? dimOf(countOf(axes[i]!), hasBatch(axes[i]!)) : t));
  const open = wanted.filter((t) => t === -1 || t === null).length;
  const known = wanted.flatMap((t) => (t === -1 || t === null ? [] : [factored(t)!]));
  const named = known.some(({ batch }) => batch);
  if (open > 1 || known.filter(({ batch }) => batch).length > 1) return null;
  const rows = hasBatch(all);
  if (!rows && named) return null;
  const given = known.reduce((n, { count }) => n * count, 1);
  /** With what is left of so many numbers, and of the batch. */
  const filled = (total: number, batch: boolean, asNumber: number | null): readonly Axis[] | null => {
    if (open === 0 ? given !== total || batch : total % given !== 0) return null;
    const rest = { count: total / given, batch };
    return walk(
      all,
      wanted.map((t) => (t === -1 || t === null ? rest : factored(t)!)),
      asNumber,
    );
  };
  const count = countOf(all);
  if (!rows || named) return filled(count, false, null);
  // A batch that no size of the target names stands there as a number, where the file fixes it, or is in what is left.
  const fixed = batchSize === null ? null : filled(count * batchSize, false, batchSize);
  return fixed ?? filled(count, true, null);
}

function walk(
  all: readonly Atom[],
  sizes: readonly { readonly count: number; readonly batch: boolean }[],
  batchSize: number | null,
): readonly Axis[] | null {
  const queue: Left[] = all.map((atom) => ({ atom }));
  const out: Atom[][] = [];
  for (const { count, batch } of sizes) {
    const axis: Atom[] = [];
    let [need, rows] = [count, batch];
    for (;;) {
      const next = queue[0]?.atom;
      if (next?.size === BATCH) {
        const asNumber = batchSize !== null && need % batchSize === 0;
        if (batchSize === 1 && need > 1 && axis.length === 0 && out.length === sizes.length - 1) {
          // Nobody joins rows with the values along the last axis: a batch of one goes with what stands before.
          out.at(-1)?.push(next);
          queue.shift();
          continue;
        }
        if (!rows && !asNumber) break;
        if (!rows) need /= batchSize!;
        rows = false;
        axis.push(next);
        queue.shift();
      } else if (next && need > 1) {
        const size = next.size as number;
        if (need % size === 0) {
          axis.push(next);
          queue.shift();
          need /= size;
        } else if (size % need === 0) {
          axis.push({ size: need, stride: (next.stride * size) / need });
          queue[0]!.atom = { size: size / need, stride: next.stride };
          need = 1;
        } else return null;
      } else break;
      if (batchSize !== null && need === 1 && axis.length > 0) break;
    }
    if (need > 1 || rows) return null;
    out.push(axis);
  }
  return queue.length === 0 ? out : null;
}

/** Numbers `from` to `to` of an axis, every `step`-th; null where it is no single step through the value. */
export function cut(view: View, axis: number, from: number, to: number, step = 1): View | null {
  const [atom, ...others] = merged(view.axes[axis]!);
  const size = Math.ceil((to - from) / step);
  if (from === 0 && step === 1 && to === countOf(view.axes[axis]!)) return view;
  if (others.length > 0 || !atom || atom.size === BATCH || size < 1) return null;
  const axes = view.axes.map((a, i) => (i !== axis ? a : size === 1 ? [] : [{ size, stride: atom.stride * step }]));
  return { ...view, axes, offset: view.offset + from * atom.stride };
}

/** The value with a row's axes, behind the batch, as the view has them. `refuse` says what no layer does. */
export function materialised(net: WiredNet, view: View, where: string): Value {
  const shape = net.shapeOf(view.value);
  const wanted = view.axes.slice(1).map(countOf);
  const atoms = view.axes.slice(1).flatMap((axis) => merged(axis)) as readonly { size: number; stride: number }[];
  if (atoms.some(({ stride }) => stride === 0)) return repeated(net, view, where);
  const order = atoms.map((_, i) => i).sort((a, b) => atoms[b]!.stride - atoms[a]!.stride);
  const whole = shape.reduce((a, b) => a * b, 1);
  // The row as digits, one for each step, from the outermost on; what lies between the innermost numbers is one more.
  let above = whole;
  let rest = view.offset;
  const digits = order.map((i) => {
    const { size, stride } = atoms[i]!;
    const count = above / stride;
    const first = Math.floor(rest / stride);
    rest -= first * stride;
    above = stride;
    return { size, count, first };
  });
  if (above > 1) digits.push({ size: 1, count: above, first: rest });
  if (digits.some(({ size, count, first }) => !Number.isInteger(count) || first + size > count)) {
    net.refuse(`${where}: takes values apart in a way that no layer here does`);
  }
  let value = view.value;
  const now = digits.map(({ count }) => count);
  digits.forEach(({ size, count, first }, k) => {
    if (size === count) return;
    value = net.slice(value, now, k, first, first + size, where);
    now[k] = size;
  });
  const steps = order.map((i) => atoms[i]!.size);
  const place = atoms.map((_, i) => order.indexOf(i));
  if (place.some((at, i) => at !== i)) value = net.permute(net.reshape(value, steps, where), place, where);
  return net.reshape(value, wanted.length === 0 ? [1] : wanted, where);
}

/** With numbers that are repeated: they are there once first. */
function repeated(net: WiredNet, view: View, where: string): Value {
  const flat = view.axes.slice(1).flat();
  const once = flat.filter(({ stride }) => stride !== 0);
  let value = materialised(net, { ...view, axes: [view.axes[0]!, ...once.map((atom) => [atom])] }, where);
  const now = flat.map(({ size, stride }) => (stride === 0 ? 1 : (size as number)));
  flat.forEach(({ size, stride }, k) => {
    if (stride !== 0) return;
    value = net.repeat(value, now, k, size as number, where);
    now[k] = size as number;
  });
  return net.reshape(value, view.axes.slice(1).map(countOf), where);
}
