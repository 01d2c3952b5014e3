import { axesOf } from "./arithmetic.ts";
import type { Known } from "./constants.ts";
import { BATCH, type Dim, type Dims } from "./dims.ts";
import type { OnnxNode } from "./graph.ts";

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
  if (node.op === "Shape") return shapeOf(node, known.dims(node.inputs[0]));
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
        ? { list: node.attributes.get("keepdims") !== 0, items: [items.reduce(times, 1)] }
        : null;
    case "Mul":
    case "Div":
    case "Add":
    case "Sub":
      return second ? elementwise(node.op, of!, second) : null;
    default:
      return null;
  }
}

/** Sizes that a batch is part of have no number. */
function times(a: Dim, b: Dim): Dim {
  if (typeof a === "number" && typeof b === "number") return a * b;
  return a === 1 ? b : b === 1 ? a : null;
}

function elementwise(op: string, a: Sizes, b: Sizes): Sizes | null {
  const length = Math.max(a.items.length, b.items.length);
  if (![a, b].every(({ items }) => items.length === length || items.length === 1)) return null;
  const one = (x: Dim, y: Dim): Dim => {
    if (op === "Mul") return times(x, y);
    if (typeof x === "number" && typeof y === "number") {
      return op === "Add" ? x + y : op === "Sub" ? x - y : y === 0 ? null : Math.trunc(x / y);
    }
    const neutral = op === "Div" ? 1 : 0;
    return y === neutral ? x : x === 0 && op === "Add" ? y : null;
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
