import { axesOf } from "./arithmetic.ts";
import { cutsOf } from "./cuts.ts";
import { axisOf, BATCH, type Dim, dimsText } from "./dims.ts";
import { splitSizes } from "./infer.ts";
import type { GraphNode } from "./net-graph.ts";
import { number } from "./place.ts";
import { refuse } from "./protobuf.ts";
import { type Axis, countOf, cut, dimsOf, hasBatch, regrouped, type View } from "./view.ts";

/** What a node that moves, cuts or repeats values is told. */
export interface MovePlace {
  readonly view: View;
  readonly batchSize: number | null;
  /** Whole numbers of a constant, or sizes that were worked out. */
  numbers(name: string | undefined): readonly Dim[] | null;
  /** Axes that inference has found. */
  readonly next: readonly Dim[] | null;
}

type Move = (node: GraphNode, place: MovePlace) => readonly View[];

const axisAt = (node: GraphNode, { axes }: View, usual: number): number =>
  axisOf(number(node, "axis", usual), axes.length) ??
  refuse(`${node.where}: its axis ${number(node, "axis", usual)} is none of ${axes.length}`);

/** The numbers in their order under the axes that the node asks for, or that inference has found. */
const reshape: Move = (node, place) => {
  const { view, batchSize, next } = place;
  const given = node.op === "Reshape" ? place.numbers(node.inputs[1]) : next;
  const targets = [given, next].filter((target) => target !== null);
  for (const target of targets) {
    const sizes = node.attributes.get("allowzero") === 1 && target.includes(0) ? null : target;
    const axes = sizes && regrouped(view.axes, sizes, batchSize);
    if (axes) return [{ ...view, axes }];
  }
  const to = given ? `to ${dimsText(given)}` : "to a computed shape";
  return refuse(
    `${node.where}: reshapes ${dimsText(dimsOf(view))} ${to}; only what keeps rows apart, such as [batch, width], is known here`,
  );
};

const flatten: Move = (node, place) => {
  const { view } = place;
  const given = number(node, "axis", 1);
  const axis = given === view.axes.length ? given : axisAt(node, view, 1);
  if (axis < 1) {
    return refuse(`${node.where}: flattens from axis ${given}; here only from axis 1, which keeps rows apart`);
  }
  return [{ ...view, axes: [view.axes.slice(0, axis).flat(), view.axes.slice(axis).flat()] }];
};

const squeeze: Move = (node, { view, numbers }) => {
  const one = (axis: Axis): boolean => countOf(axis) === 1 && !hasBatch(axis);
  const named = axesOf(node, { numbers })?.map((axis) => axisOf(axis, view.axes.length));
  const gone = (axis: Axis, i: number): boolean => (named ? named.includes(i) : one(axis));
  if (view.axes.some((axis, i) => gone(axis, i) && !one(axis))) {
    refuse(`${node.where}: takes away an axis of ${dimsText(dimsOf(view))} that is not of size 1`);
  }
  return [{ ...view, axes: view.axes.filter((axis, i) => !gone(axis, i)) }];
};

const unsqueeze: Move = (node, { view, numbers }) => {
  const given = axesOf(node, { numbers }) ?? refuse(`${node.where}: its axes are not known`);
  const rank = view.axes.length + given.length;
  const at = new Set(given.map((axis) => axisOf(axis, rank)));
  let next = 0;
  return [{ ...view, axes: Array.from({ length: rank }, (_, i) => (at.has(i) ? [] : (view.axes[next++] ?? []))) }];
};

const transpose: Move = (node, { view }) => {
  const perm = node.attributes.get("perm") ?? view.axes.map((_, i) => i).reverse();
  const order = Array.isArray(perm) ? (perm as readonly number[]) : [];
  const sorted = [...order].sort((a, b) => a - b);
  if (order.length !== view.axes.length || sorted.some((axis, i) => axis !== i)) {
    return refuse(`${node.where}: its perm is no order of ${view.axes.length} axes`);
  }
  return [{ ...view, axes: order.map((axis) => view.axes[axis]!) }];
};

const takes = (node: GraphNode, view: View, axis: number, from: number, to: number, step = 1): View =>
  cut(view, axis, from, to, step) ??
  refuse(`${node.where}: takes ${from} to ${to} of axis ${axis} of ${dimsText(dimsOf(view))}, which no layer does`);

const split: Move = (node, { view, numbers }) => {
  const axis = axisAt(node, view, 0);
  const sizes = splitSizes(node, countOf(view.axes[axis]!), { numbers });
  if (hasBatch(view.axes[axis]!) || !sizes || sizes.reduce((a, b) => a + b, 0) !== countOf(view.axes[axis]!)) {
    return refuse(`${node.where}: its parts do not make up axis ${axis} of ${dimsText(dimsOf(view))}`);
  }
  let from = 0;
  return sizes.map((size) => {
    from += size;
    return takes(node, view, axis, from - size, from);
  });
};

const slice: Move = (node, { view, numbers }) => {
  const cuts =
    cutsOf(node, dimsOf(view), { numbers }) ??
    refuse(`${node.where}: takes a stretch that is not known, is empty, goes backwards, or is of the batch`);
  return [cuts.reduce((v, { axis, from, to, step }) => takes(node, v, axis, from, to, step), view)];
};

/** One place of an axis. */
const gather: Move = (node, { view, numbers }) => {
  const axis = axisAt(node, view, 0);
  const [index, ...more] = numbers(node.inputs[1]) ?? [];
  const size = countOf(view.axes[axis]!);
  const at = typeof index === "number" && index < 0 ? index + size : index;
  if (more.length > 0 || typeof at !== "number" || !(at >= 0 && at < size) || hasBatch(view.axes[axis]!)) {
    return refuse(`${node.where}: takes places of axis ${axis} by numbers; here it takes one place that is a constant`);
  }
  const one = takes(node, view, axis, at, at + 1);
  // Inference knows whether the index was a list of one.
  return [one];
};

const expand: Move = (node, { view, numbers }) => {
  const target = numbers(node.inputs[1]) ?? refuse(`${node.where}: how far it spreads is not known`);
  const rank = Math.max(view.axes.length, target.length);
  const axes = Array.from({ length: rank }, (_, i): Axis => {
    const [axis, wanted] = [view.axes[i - rank + view.axes.length] ?? [], target[i - rank + target.length] ?? 1];
    const size = countOf(axis);
    if (wanted === -1 || wanted === 1 || wanted === BATCH || wanted === size || hasBatch(axis)) return axis;
    if (size !== 1 || typeof wanted !== "number") return refuse(`${node.where}: spreads ${size} places over ${wanted}`);
    return [{ size: wanted, stride: 0 }];
  });
  return [{ ...view, axes }];
};

/** Ops after which the same numbers lie in another order, or fewer of them, or some repeated. */
export const moves: Readonly<Record<string, Move>> = {
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Split: split,
  Slice: slice,
  Gather: gather,
  Expand: expand,
};
