import { sizeOf } from "../../core/ndarray.ts";
import { brief } from "../safetensors/header.ts";
import { type Attribute, isTensor } from "./attributes.ts";
import { arrayMakers, turned } from "./constant-arrays.ts";
import {
  type Constant,
  fromNumbers,
  fromTensor,
  type Known,
  transposed,
  truncated,
  valuesOf,
  withDims,
} from "./constants.ts";
import { broadcast, spread, squeezed, unsqueezed } from "./dims.ts";
import type { OnnxNode } from "./graph.ts";
import { refuse } from "./protobuf.ts";
import { reshapedConstant } from "./reshape.ts";
import { isFloat } from "./schema.ts";

const unary: Readonly<Record<string, (x: number) => number>> = {
  Neg: (x) => -x,
  Sqrt: Math.sqrt,
  Reciprocal: (x) => 1 / x,
  Exp: Math.exp,
  Log: Math.log,
  Abs: Math.abs,
  Cos: Math.cos,
  Sin: Math.sin,
  Not: (x) => (x === 0 ? 1 : 0),
};
/** Of numbers, and of what is true, which is 1. */
const compared: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  Equal: (a, b) => a === b,
  Less: (a, b) => a < b,
  Greater: (a, b) => a > b,
  LessOrEqual: (a, b) => a <= b,
  GreaterOrEqual: (a, b) => a >= b,
  And: (a, b) => a !== 0 && b !== 0,
  Or: (a, b) => a !== 0 || b !== 0,
};
const binary: Readonly<Record<string, (a: number, b: number) => number>> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Div: (a, b) => a / b,
  Pow: (a, b) => a ** b,
  Mod: (a, b) => a - b * Math.floor(a / b),
  Max: Math.max,
  Min: Math.min,
};

/** What a node computes from constants alone; null where it does not. */
export function computed(node: OnnxNode, where: string, known: Known): Constant | null {
  if (node.op === "Constant") return fromAttributes(node);
  const of = known.constant(node.inputs[0]);
  if (!of) return null;
  const second = known.constant(node.inputs[1]);
  switch (node.op) {
    case "Identity":
      return of;
    case "Cast":
      return castTo(of, node.attributes.get("to"));
    case "CastLike":
      return second ? { ...withDims(of, of.dims), whole: second.whole } : null;
    case "Transpose": {
      const perm = node.attributes.get("perm") ?? of.dims.map((_, i) => i).reverse();
      if (!Array.isArray(perm)) return null;
      if (perm.every((axis, i) => axis === i)) return of;
      if (of.dims.length === 2 && perm[0] === 1 && perm[1] === 0) return transposed(of);
      return turned(of, perm as readonly number[], known, where);
    }
    case "Reshape": {
      const target = known.numbers(node.inputs[1]);
      const dims = target && reshapedConstant(of.dims, target, node.attributes.get("allowzero") === 1);
      return dims && withDims(of, dims);
    }
    case "Squeeze":
    case "Unsqueeze": {
      if (node.op === "Squeeze" && of.dims.length === 0) return of;
      const axes = axesOf(node, known);
      const make = node.op === "Squeeze" ? squeezed(of.dims, axes) : axes && unsqueezed(of.dims, axes);
      return make && withDims(of, make as readonly number[]);
    }
  }
  if (Object.hasOwn(arrayMakers, node.op)) return arrayMakers[node.op]!(node, of, known, where);
  if (Object.hasOwn(unary, node.op) && node.inputs.length === 1) {
    const values = valuesOf(of, known.room, where);
    return fromNumbers(of.dims, of.whole, values.map(unary[node.op]!));
  }
  if (node.op === "Einsum" && node.attributes.get("equation") === "i,j->ij" && second) {
    // The outer product of two lists.
    const column = withDims(of, [sizeOf(of.dims), 1]);
    return combined("Mul", column, withDims(second, [1, sizeOf(second.dims)]), known, where);
  }
  const compares = Object.hasOwn(compared, node.op);
  if (!(compares || Object.hasOwn(binary, node.op)) || node.inputs.length !== 2 || !second) return null;
  return combined(node.op, of, second, known, where);
}

/** Two constants number by number, each spread over the other. */
function combined(op: string, of: Constant, second: Constant, known: Known, where: string): Constant {
  const compares = Object.hasOwn(compared, op);
  const dims = broadcast(of.dims, second.dims);
  if (!dims) return refuse(`${where}: its constants do not fit each other`);
  const [a, b] = [of, second].map((c) => ({ values: valuesOf(c, known.room, where), from: spread(c.dims, dims) }));
  const out = known.room.claim(sizeOf(dims), where);
  const whole = compares || (of.whole && second.whole);
  const work = compares ? (x: number, y: number) => Number(compared[op]!(x, y)) : binary[op]!;
  for (let i = 0; i < out.length; i++) {
    const value = work(a!.values[a!.from(i)]!, b!.values[b!.from(i)]!);
    out[i] = whole ? Math.trunc(value) : value;
  }
  return fromNumbers(dims, whole, out);
}

/** Axes as an attribute, or since opset 13 and 18 as an input; null where the node names none. */
export function axesOf(node: OnnxNode, known: Pick<Known, "numbers">): readonly number[] | null {
  const axes = node.attributes.get("axes") ?? known.numbers(node.inputs[1]);
  return Array.isArray(axes) && axes.every((axis) => typeof axis === "number") ? axes : null;
}

function castTo(of: Constant, to: Attribute | undefined): Constant | null {
  if (typeof to !== "number") return null;
  if (isFloat(to) || of.whole) return { ...withDims(of, of.dims), whole: !isFloat(to) };
  return truncated(of);
}

function fromAttributes({ attributes, outputs }: OnnxNode): Constant {
  const [key, value] = [...attributes][0] ?? ["", null];
  if (key === "value" && isTensor(value)) return fromTensor(value);
  const numbers = typeof value === "number" ? [value] : Array.isArray(value) ? (value as readonly number[]) : null;
  if (!numbers) return refuse(`the constant ${brief(outputs[0])} is neither numbers nor an array of them`);
  return fromNumbers(
    typeof value === "number" ? [] : [numbers.length],
    key === "value_int" || key === "value_ints",
    numbers,
  );
}
