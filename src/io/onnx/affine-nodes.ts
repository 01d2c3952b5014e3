import { shapeText, sizeOf } from "../../core/ndarray.ts";
import { type Affine, batchNormAffine } from "../net/affine.ts";
import { type Constant, type Room, valuesOf, withDims } from "./constants.ts";
import { type Dims, dimsText, spread } from "./dims.ts";
import type { GraphNode } from "./net-graph.ts";
import { refuse } from "./protobuf.ts";

/** The affine step that Add, Sub, Mul or Div of `value` and a constant is; null where it is none. */
export function arithmeticAffine(
  { op, inputs, where }: GraphNode,
  value: string,
  constant: Constant,
  dims: Dims,
  room: Room,
): Affine | null {
  return affineOf(op, inputs[0] === value, perFeature(constant, dims, room, where));
}

/** What Add, Sub, Mul or Div of values and these numbers does, the values standing `first` or not; null where it is none. */
export function affineOf(op: string, first: boolean, numbers: Float64Array): Affine | null {
  const one = Float64Array.of(1);
  const none = Float64Array.of(0);
  switch (op) {
    case "Add":
    case "Sum":
      return { scale: one, shift: numbers };
    case "Sub":
      return first ? { scale: one, shift: numbers.map((c) => -c) } : { scale: Float64Array.of(-1), shift: numbers };
    case "Mul":
      return { scale: numbers, shift: none };
    case "Div":
      return first ? { scale: numbers.map((c) => 1 / c), shift: none } : null;
    default:
      return null;
  }
}

/** Batch norm of a value: its four constants hold a number for each channel, axis 1. */
export function batchNormOf(
  constants: readonly Constant[],
  eps: number,
  dims: Dims,
  room: Room,
  where: string,
): Affine {
  const channels = sizeOf(constants[0]!.dims);
  const wrong = constants.find((c) => sizeOf(c.dims) !== channels || c.whole);
  if (wrong)
    refuse(`${where}: its four constants must be ${channels} floats each, but one is ${shapeText(wrong.dims)}`);
  const shape = dims === null ? [channels] : [channels, ...dims.slice(2).map(() => 1)];
  const [gamma, beta, mean, variance] = constants.map((c) => perFeature(withDims(c, shape), dims, room, where));
  return batchNormAffine(gamma!, beta!, mean!, variance!, eps);
}

/**
 * The numbers of a constant for each number of a row of `dims`, over which it is spread; one where it has one. Refuses
 * a constant that differs from row to row, or that makes a row larger.
 */
function perFeature(constant: Constant, dims: Dims, room: Room, where: string): Float64Array {
  const own = constant.dims;
  if (constant.whole) refuse(`${where}: its constant holds whole numbers, not floats`);
  if (sizeOf(own) === 1) return valuesOf(constant, room, where);
  const values = valuesOf(constant, room, where);
  // Without axes of the value, all but the last must be one: rows as a linear layer gives them.
  const rank = dims?.length ?? 2;
  const lead = own.length - rank;
  const over = lead > 0 ? own.slice(0, lead) : [];
  const fitting = lead > 0 ? own.slice(lead) : own;
  const perRow = fitting.length === rank && fitting[0] !== 1;
  const row = fitting.length === rank ? fitting.slice(1) : fitting;
  const axes = dims?.slice(1 + rank - 1 - row.length) ?? row.map(() => null);
  const fits = row.every((d, i) => d === 1 || axes[i] === null || axes[i] === d);
  if (over.some((d) => d !== 1) || perRow || !fits) {
    refuse(
      `${where}: its constant of ${shapeText(own)} does not fit rows of ${dims ? dimsText(dims) : "[batch, width]"}: one number for each value of a row is known here, or one for all`,
    );
  }
  if (values.length === 1 || rank === 2) return values;
  const whole = dims!.slice(1);
  if (!whole.every((d) => typeof d === "number")) {
    return refuse(`${where}: the axes of its values, ${dimsText(dims!)}, are not known`);
  }
  const from = spread(row, whole);
  const out = room.claim(sizeOf(whole), where);
  for (let i = 0; i < out.length; i++) out[i] = values[from(i)]!;
  return out;
}
