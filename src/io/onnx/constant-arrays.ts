import { sizeOf } from "../../core/ndarray.ts";
import { isTensor } from "./attributes.ts";
import { type Constant, fromNumbers, type Known, numbersOf, scalarOf, valuesOf } from "./constants.ts";
import { type Cut, cutsOf } from "./cuts.ts";
import { axisOf, broadcast, spread } from "./dims.ts";
import type { OnnxNode } from "./graph.ts";
import { refuse } from "./protobuf.ts";
import { eachValue, isWhole } from "./tensor.ts";

/** Numbers that an array may have that a node fills: what a step of 1,024 may see. */
const MOST_FILLED = 2 ** 20;

type Make = (node: OnnxNode, of: Constant, known: Known, where: string) => Constant | null;

const concat: Make = (node, of, known, where) => {
  const all = node.inputs.map((name) => known.constant(name));
  const given = node.attributes.get("axis");
  const axis = typeof given === "number" ? axisOf(given, of.dims.length) : null;
  const beside = (dims: readonly number[]): string => dims.filter((_, i) => i !== axis).join();
  if (axis === null || all.some((c) => !c || c.dims.length !== of.dims.length || c.whole !== of.whole)) return null;
  const parts = all as readonly Constant[];
  if (parts.some((c) => beside(c.dims) !== beside(of.dims))) return null;
  const dims = of.dims.map((d, i) => (i === axis ? parts.reduce((sum, c) => sum + c.dims[axis]!, 0) : d));
  const out = known.room.claim(sizeOf(dims), where);
  const inner = sizeOf(dims.slice(axis + 1));
  let begin = 0;
  for (const part of parts) {
    const width = part.dims[axis]! * inner;
    const from = begin;
    part.each((value, i) => {
      out[Math.floor(i / width) * dims[axis]! * inner + from + (i % width)] = value;
    });
    begin += width;
  }
  return fromNumbers(dims, of.whole, out);
};

/** Along axes, by steps of one or more; or along one, turned around. Attributes before opset 10, then inputs. */
const slice: Make = (node, of, known, where) => {
  // One number for each place of a shape that is not known: there are only fewer of it.
  if (of.dims.length === 0) return of;
  const cuts = cutsOf(node, of.dims, known) ?? turnedAround(node, of, known);
  if (!cuts) return null;
  const dims = of.dims.map((d, axis) => {
    const found = cuts.find((c) => c.axis === axis);
    return found ? Math.ceil((found.to - found.from) / found.step) : d;
  });
  const strides = of.dims.map((_, axis) => sizeOf(of.dims.slice(axis + 1)));
  const by = dims.map((_, axis) => (cuts.find((c) => c.axis === axis)?.step ?? 1) * strides[axis]!);
  const start = cuts.reduce((sum, { axis, from }) => sum + from * strides[axis]!, 0);
  return picked(of, dims, by, start, known, where);
};

/** A list from its end to its beginning. */
function turnedAround(node: OnnxNode, of: Constant, known: Known): readonly Cut[] | null {
  const step = numbersOf(known.constant(node.inputs[4]));
  const start = numbersOf(known.constant(node.inputs[1]));
  const axis = numbersOf(known.constant(node.inputs[3]))?.[0] ?? 0;
  const at = axisOf(axis, of.dims.length);
  if (step?.join() !== "-1" || start?.length !== 1 || at === null) return null;
  const size = of.dims[at]!;
  const first = start[0]! < 0 ? start[0]! + size : Math.min(start[0]!, size - 1);
  const last = numbersOf(known.constant(node.inputs[2]))?.[0];
  // The ends of all numbers, of 64 bits, come as NaN.
  const end = last === undefined || Number.isNaN(last) || last < -size ? -1 : last < 0 ? last + size : last;
  return first > end ? [{ axis: at, from: first, to: end, step: -1 }] : null;
}

/** Numbers of an array by their strides. */
function picked(
  of: Constant,
  dims: readonly number[],
  strides: readonly number[],
  start: number,
  known: Known,
  where: string,
): Constant {
  const values = valuesOf(of, known.room, where);
  const out = known.room.claim(sizeOf(dims), where);
  for (let i = 0; i < out.length; i++) {
    let at = start;
    for (let k = dims.length - 1, rest = i; k >= 0; k--) {
      at += (rest % dims[k]!) * strides[k]!;
      rest = Math.floor(rest / dims[k]!);
    }
    out[i] = values[at]!;
  }
  return fromNumbers(dims, of.whole, out);
}

const filled: Make = (node, of, known, where) => {
  const dims = numbersOf(of);
  const value = node.attributes.get("value");
  if (!dims || !of.whole || of.dims.length !== 1 || !dims.every((d) => Number.isInteger(d) && d >= 0)) return null;
  requireFew(dims, where);
  let number = 0;
  const tensor = value !== undefined && isTensor(value) ? value : null;
  if (tensor) {
    eachValue(tensor, (v) => {
      number = v;
    });
  }
  const whole = tensor !== null && isWhole(tensor.type);
  return fromNumbers(dims, whole, filledWith(dims, number, known, where));
};

/** A small file can ask for much: what has more numbers than a file's own arrays is bounded. */
function requireFew(dims: readonly number[], where: string): void {
  if (sizeOf(dims) > MOST_FILLED)
    refuse(`${where}: fills an array of [${dims.join(", ")}], more than ${MOST_FILLED} numbers`);
}

function filledWith(dims: readonly number[], value: number, { room }: Known, where: string): ArrayLike<number> {
  return sizeOf(dims) <= 64 ? Array<number>(sizeOf(dims)).fill(value) : room.claim(sizeOf(dims), where).fill(value);
}

/** Numbers from one to another by steps. */
const range: Make = (node, of, known, where) => {
  const [start, limit, delta] = [of, known.constant(node.inputs[1]), known.constant(node.inputs[2])].map(scalarOf);
  if (typeof start !== "number" || typeof limit !== "number" || typeof delta !== "number" || delta === 0) return null;
  const count = Math.max(0, Math.ceil((limit - start) / delta));
  requireFew([count], where);
  return fromNumbers(
    [count],
    of.whole,
    known.room.claim(count, where).map((_, i) => start + i * delta),
  );
};

/** What lies above or below a diagonal, zeros elsewhere. */
const triangle: Make = (node, of, known, where) => {
  const k = scalarOf(known.constant(node.inputs[1])) ?? 0;
  const upper = node.attributes.get("upper") !== 0;
  const [rows, columns] = of.dims.slice(-2) as [number, number];
  if (of.dims.length < 2) return null;
  const values = valuesOf(of, known.room, where);
  return fromNumbers(
    of.dims,
    of.whole,
    values.map((v, i) => {
      const along = (i % columns) - (Math.floor(i / columns) % rows);
      return (upper ? along >= k : along <= k) ? v : 0;
    }),
  );
};

/** Spread over the axes that it is given. */
const expand: Make = (node, of, known, where) => {
  const target = known.numbers(node.inputs[1]);
  if (!target?.every((d) => typeof d === "number")) return null;
  const dims = broadcast(of.dims, target as readonly number[]);
  return dims && spreadOver(of, dims, known, where);
};

/** The same numbers over more places. */
export function spreadOver(of: Constant, dims: readonly number[], known: Pick<Known, "room">, where: string): Constant {
  if (dims.join() === of.dims.join()) return of;
  requireFew(dims, where);
  const values = valuesOf(of, known.room, where);
  const from = spread(of.dims, dims);
  return fromNumbers(
    dims,
    of.whole,
    known.room.claim(sizeOf(dims), where).map((_, i) => values[from(i)]!),
  );
}

/** One or the other of two, number by number. */
const where: Make = (node, condition, known, at) => {
  const [then, otherwise] = [known.constant(node.inputs[1]), known.constant(node.inputs[2])];
  const some = then && broadcast(condition.dims, then.dims);
  const dims = some && otherwise ? broadcast(some, otherwise.dims) : null;
  if (!then || !otherwise || !dims) return null;
  requireFew(dims, at);
  const [c, a, b] = [condition, then, otherwise].map((part) => ({
    values: valuesOf(part, known.room, at),
    from: spread(part.dims, dims),
  }));
  const out = known.room.claim(sizeOf(dims), at);
  for (let i = 0; i < out.length; i++) {
    const one = c!.values[c!.from(i)] === 0 ? b! : a!;
    out[i] = one.values[one.from(i)]!;
  }
  return fromNumbers(dims, then.whole && otherwise.whole, out);
};

/** Axes in another order; null where `order` is none of them. */
export function turned(of: Constant, order: readonly number[], known: Known, where: string): Constant | null {
  const sorted = [...order].sort((a, b) => a - b);
  if (order.length !== of.dims.length || sorted.some((axis, i) => axis !== i)) return null;
  const dims = order.map((axis) => of.dims[axis]!);
  const steps = order.map((axis) => sizeOf(of.dims.slice(axis + 1)));
  return picked(of, dims, steps, 0, known, where);
}

/** Numbers of a list, or lines of an array, by their places. */
const gather: Make = (node, of, known, where) => {
  const picked = known.constant(node.inputs[1]);
  const [from, places] = [numbersOf(of), numbersOf(picked)];
  const numbers = of.dims.length === 1 && from ? places?.map((i) => from.at(i)) : null;
  if (numbers) return numbers.every((v) => v !== undefined) ? fromNumbers(picked!.dims, of.whole, numbers) : null;
  if (!picked?.whole || picked.dims.length < 1 || (node.attributes.get("axis") ?? 0) !== 0) return null;
  const [lines, inner] = [of.dims[0]!, sizeOf(of.dims.slice(1))];
  const order = valuesOf(picked, known.room, where);
  const values = valuesOf(of, known.room, where);
  if (!order.every((line) => line >= 0 && line < lines)) return null;
  const out = known.room.claim(order.length * inner, where);
  for (const [i, line] of order.entries()) out.set(values.subarray(line * inner, (line + 1) * inner), i * inner);
  return fromNumbers([...picked.dims, ...of.dims.slice(1)], of.whole, out);
};

/** Weights that were quantised: whole numbers less a zero point, times a scale, one for all or one for each place of an axis. */
const dequantised: Make = (node, of, known, where) => {
  const [scale, zero] = [known.constant(node.inputs[1]), known.constant(node.inputs[2])];
  const given = node.attributes.get("axis") ?? 1;
  const single = !scale || scale.dims.length === 0 || sizeOf(scale.dims) === 1;
  const axis = typeof given === "number" && !single ? axisOf(given, of.dims.length) : null;
  if (!of.whole || !scale || (node.inputs[2] && !zero) || node.attributes.get("block_size")) return null;
  if (zero && sizeOf(zero.dims) !== sizeOf(scale.dims)) return null;
  if (!single && (axis === null || scale.dims.length !== 1 || scale.dims[0] !== of.dims[axis])) return null;
  const by = valuesOf(scale, known.room, where);
  const less = zero ? valuesOf(zero, known.room, where) : null;
  const inner = axis === null ? 1 : sizeOf(of.dims.slice(axis + 1));
  const place = (i: number): number => (axis === null ? 0 : Math.floor(i / inner) % by.length);
  const values = valuesOf(of, known.room, where);
  return fromNumbers(
    of.dims,
    false,
    values.map((v, i) => (v - (less?.[place(i)] ?? 0)) * by[place(i)]!),
  );
};

/** Arrays that nodes put together from others, as exporters do to count pads. */
export const arrayMakers: Readonly<Record<string, Make>> = {
  Concat: concat,
  DequantizeLinear: dequantised,
  Gather: gather,
  Slice: slice,
  ConstantOfShape: filled,
  Range: range,
  Trilu: triangle,
  Expand: expand,
  Where: where,
  Shape: (_, of) => fromNumbers([of.dims.length], true, of.dims),
};
