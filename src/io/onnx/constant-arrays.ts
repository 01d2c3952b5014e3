import { sizeOf } from "../../core/ndarray.ts";
import { isTensor } from "./attributes.ts";
import { type Constant, fromNumbers, type Known, numbersOf, valuesOf } from "./constants.ts";
import { axisOf } from "./dims.ts";
import type { OnnxNode } from "./graph.ts";
import { refuse } from "./protobuf.ts";
import { eachValue, isWhole } from "./tensor.ts";

/** Numbers that an array may have that a node fills: lists of pads and axes have fewer. */
const MOST_FILLED = 64;

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

/** Along one axis: attributes before opset 10, then inputs. */
const slice: Make = (node, of, known, where) => {
  const given = (key: string, input: number): number | null | undefined => {
    const value = node.attributes.get(key) ?? numbersOf(known.constant(node.inputs[input]));
    return Array.isArray(value) ? (value.length === 1 ? (value[0] as number) : null) : undefined;
  };
  const [start, end, axis, step] = [
    given("starts", 1),
    given("ends", 2),
    given("axes", 3) ?? 0,
    given("steps", 4) ?? 1,
  ];
  const at = axisOf(axis, of.dims.length);
  if (typeof start !== "number" || typeof end !== "number" || at === null || (step !== 1 && step !== -1)) return null;
  const size = of.dims[at]!;
  // The ends of all numbers, of 64 bits, come as NaN.
  const within = (v: number, low: number, high: number): number => Math.min(Math.max(v < 0 ? v + size : v, low), high);
  const [first, last] =
    step > 0
      ? [within(start, 0, size), within(end, 0, size)]
      : [within(start, -1, size - 1), within(end, -1, size - 1)];
  const count = ((Number.isNaN(end) ? (step > 0 ? size : -1) : last) - first) * step;
  if (!(count >= 1)) return null;
  const dims = of.dims.map((d, i) => (i === at ? count : d));
  const values = valuesOf(of, known.room, where);
  const inner = sizeOf(dims.slice(at + 1));
  const out = known.room.claim(sizeOf(dims), where);
  for (let i = 0; i < out.length; i++) {
    const [outer, place] = [Math.floor(i / (count * inner)), Math.floor(i / inner) % count];
    out[i] = values[(outer * size + first + place * step) * inner + (i % inner)]!;
  }
  return fromNumbers(dims, of.whole, out);
};

const filled: Make = (node, of) => {
  const dims = numbersOf(of);
  const value = node.attributes.get("value");
  if (!dims || !of.whole || of.dims.length !== 1 || !dims.every((d) => Number.isInteger(d) && d >= 0)) return null;
  if (sizeOf(dims) > MOST_FILLED)
    return refuse(`it fills an array of [${dims.join(", ")}], more than ${MOST_FILLED} numbers`);
  let number = 0;
  const tensor = value !== undefined && isTensor(value) ? value : null;
  if (tensor) {
    eachValue(tensor, (v) => {
      number = v;
    });
  }
  const whole = tensor !== null && isWhole(tensor.type);
  return fromNumbers(dims, whole, Array<number>(sizeOf(dims)).fill(number));
};

/** Axes in another order; null where `order` is none of them. */
export function turned(of: Constant, order: readonly number[], known: Known, where: string): Constant | null {
  const sorted = [...order].sort((a, b) => a - b);
  if (order.length !== of.dims.length || sorted.some((axis, i) => axis !== i)) return null;
  const values = valuesOf(of, known.room, where);
  const dims = order.map((axis) => of.dims[axis]!);
  const steps = order.map((axis) => sizeOf(of.dims.slice(axis + 1)));
  const out = known.room.claim(values.length, where);
  for (let i = 0; i < out.length; i++) {
    let at = 0;
    for (let k = dims.length - 1, rest = i; k >= 0; k--) {
      at += (rest % dims[k]!) * steps[k]!;
      rest = Math.floor(rest / dims[k]!);
    }
    out[i] = values[at]!;
  }
  return fromNumbers(dims, of.whole, out);
}

/** Numbers of a list, or lines of an array, by their places. */
const gather: Make = (node, of, known, where) => {
  const picked = known.constant(node.inputs[1]);
  const [from, places] = [numbersOf(of), numbersOf(picked)];
  const numbers = of.dims.length === 1 && from ? places?.map((i) => from.at(i)) : null;
  if (numbers) return numbers.every((v) => v !== undefined) ? fromNumbers(picked!.dims, of.whole, numbers) : null;
  if (!picked?.whole || picked.dims.length !== 1 || (node.attributes.get("axis") ?? 0) !== 0) return null;
  const [lines, inner] = [of.dims[0]!, sizeOf(of.dims.slice(1))];
  const order = valuesOf(picked, known.room, where);
  const values = valuesOf(of, known.room, where);
  if (!order.every((line) => line >= 0 && line < lines)) return null;
  const out = known.room.claim(order.length * inner, where);
  for (const [i, line] of order.entries()) out.set(values.subarray(line * inner, (line + 1) * inner), i * inner);
  return fromNumbers([order.length, ...of.dims.slice(1)], of.whole, out);
};

/** Arrays that nodes put together from others, as exporters do to count pads. */
export const arrayMakers: Readonly<Record<string, Make>> = {
  Concat: concat,
  Gather: gather,
  Slice: slice,
  ConstantOfShape: filled,
  Shape: (_, of) => fromNumbers([of.dims.length], true, of.dims),
};
