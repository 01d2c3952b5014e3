import { axesOf } from "./arithmetic.ts";
import { isTensor } from "./attributes.ts";
import type { Known } from "./constants.ts";
import { BATCH, type Dim, type Dims, dimOf, factored, timesDim } from "./dims.ts";
import type { OnnxNode } from "./graph.ts";
import { eachValue } from "./tensor.ts";

/** A few whole numbers that a node computes from shapes: one, or a list. */
export interface Sizes {
  readonly list: boolean;
  readonly items: readonly Dim[];
}

/** What the sweep knows besides: the axes of a value, and sizes that were computed. */
export interface KnownSizes extends Known {
  dims(name: string | undefined): Dims | undefined;
  sizes(name: string | undefined): Sizes | undefined;
}

/** Such lists are shapes: none is longer. */
const MOST_SIZES = 8;
/** Of a value whose axes nobody told, the first is the batch. */
const UNKNOWN: readonly Dim[] = [BATCH, ...Array<null>(MOST_SIZES - 1).fill(null)];

/**
 * What a node computes of the shape of a value, such as x.view(x.size(0), -1) is exported as; null where it is no such
 * node. The batch's size stays open: BATCH stands for it.
 */
export function sizesOf(node: OnnxNode, known: KnownSizes): Sizes | null {
  if (node.op === "Shape") {
    const list = known.sizes(node.inputs[0]);
    return list?.list ? { list: true, items: [list.items.length] } : shapeOf(node, known.dims(node.inputs[0]));
  }
  const inputs = node.inputs.map((name) => known.sizes(name));
  const of = inputs[0];
  // Only where sizes take part: all else is arithmetic with constants.
  if (!of || inputs.some((input) => input === undefined)) return null;
  const result = computed(node, inputs as Sizes[], known);
  return result && result.items.length <= MOST_SIZES ? result : null;
}

function shapeOf(node: OnnxNode, dims: Dims | undefined): Sizes | null {
  if (dims === undefined) return null;
  const axes = dims ?? UNKNOWN;
  const [start, end] = [node.attributes.get("start") ?? 0, node.attributes.get("end") ?? axes.length];
  if (typeof start !== "number" || typeof end !== "number") return null;
  return { list: true, items: axes.slice(start, end) };
}

function computed(node: OnnxNode, [of, ...more]: readonly Sizes[], known: KnownSizes): Sizes | null {
  const { list, items } = of!;
  const second = more[0];
  switch (node.op) {
    case "Identity":
    case "Cast":
    case "CastLike":
    case "Floor":
    case "Ceil":
      return of!;
    case "Unsqueeze":
      return list ? null : { list: true, items };
    case "Squeeze":
      return list && items.length === 1 ? { list: false, items } : null;
    case "Reshape":
      if (list && second?.items.join() === "-1") return of!;
      return items.length === 1 ? { list: (second?.items.length ?? 0) > 0, items } : null;
    case "Concat":
      return { list: true, items: [of!, ...more].flatMap((input) => input.items) };
    case "Gather": {
      const picked = second?.items.map((i) => (typeof i === "number" ? items.at(i) : undefined));
      return list && picked?.every((item) => item !== undefined) ? { list: second!.list, items: picked } : null;
    }
    case "Slice":
      return list ? sliced(node, items, known) : null;
    case "ReduceProd":
      return list && axesOf(node, known)?.some((axis) => axis !== 0 && axis !== -1) !== true
        ? { list: node.attributes.get("keepdims") !== 0, items: [items.reduce(timesDim, 1)] }
        : null;
    case "Mul":
    case "Div":
    case "Add":
    case "Sub":
    case "Mod":
    case "Equal":
      return second ? elementwise(node.op, of!, second) : null;
    case "ConstantOfShape": {
      const value = node.attributes.get("value");
      const [length] = items;
      if (!list || items.length !== 1 || typeof length !== "number") return null;
      if (!Number.isInteger(length) || length < 0 || length > MOST_SIZES) return null;
      let filled = 0;
      if (value !== undefined && isTensor(value))
        eachValue(value, (v) => {
          filled = v;
        });
      return { list: true, items: Array<number>(length).fill(filled) };
    }
    case "Where": {
      const [then, otherwise] = more;
      const picked = items.map((c, i) => (c === null ? null : (c === 0 ? otherwise : then)?.items[i]));
      return then && otherwise && picked.every((item) => item !== undefined) ? { list, items: picked } : null;
    }
    default:
      return null;
  }
}

/** A size over another; null where the batch is below, or it does not divide. */
function over(a: Dim, b: Dim): Dim {
  const [x, y] = [factored(a), factored(b)];
  if (!x || !y || y.count === 0) return null;
  if (x.batch && y.batch) return x.count % y.count === 0 ? x.count / y.count : null;
  if (y.batch || (x.batch && x.count % y.count !== 0)) return null;
  return dimOf(Math.trunc(x.count / y.count), x.batch);
}

/** 1 where two sizes are the same, 0 where they are not. */
const equals = (a: Dim, b: Dim): Dim => (a === null || b === null ? null : a === b ? 1 : 0);

function elementwise(op: string, a: Sizes, b: Sizes): Sizes | null {
  const length = Math.max(a.items.length, b.items.length);
  if (![a, b].every(({ items }) => items.length === length || items.length === 1)) return null;
  const one = (x: Dim, y: Dim): Dim => {
    if (op === "Mul") return timesDim(x, y);
    if (op === "Div") return over(x, y);
    if (op === "Equal") return equals(x, y);
    if (op === "Mod") return typeof x === "number" && typeof y === "number" && y > 0 ? x % y : null;
    if (typeof x === "number" && typeof y === "number") {
      return op === "Add" ? x + y : x - y;
    }
    return y === 0 ? x : x === 0 && op === "Add" ? y : null;
  };
  const items = Array.from({ length }, (_, i) =>
    one(a.items[a.items.length === 1 ? 0 : i]!, b.items[b.items.length === 1 ? 0 : i]!),
  );
  return { list: a.list || b.list, items };
}

/** Starts, ends, axes and steps: attributes before opset 10, then inputs. An end beyond all numbers is the list's. */
function sliced(node: OnnxNode, items: readonly Dim[], known: KnownSizes): Sizes | null {
  const given = (key: string, input: number): readonly Dim[] | null => {
    const value = node.attributes.get(key);
    return Array.isArray(value) ? (value as readonly number[]) : (known.sizes(node.inputs[input])?.items ?? null);
  };
  const [starts, ends, axes, steps] = [given("starts", 1), given("ends", 2), given("axes", 3), given("steps", 4)];
  const step = steps?.[0] ?? 1;
  if (starts?.length !== 1 || ends?.length !== 1 || (axes?.[0] ?? 0) !== 0 || step !== 1) return null;
  const [start, end] = [starts[0]!, ends[0]!];
  if (typeof start !== "number" || typeof end !== "number") return null;
  return { list: true, items: items.slice(start, Number.isNaN(end) ? undefined : end) };
}

/** A constant's whole numbers as sizes. */
export function asSizes(numbers: readonly number[], rank: number): Sizes | null {
  return rank <= 1 ? { list: rank === 1, items: numbers } : null;
}
