import { type Constant, type Room, scalarOf } from "./constants.ts";
import { productOf, weighedOf } from "./einsum.ts";
import type { GraphNode, NetGraph } from "./net-graph.ts";
import { number } from "./place.ts";
import { refuse } from "./protobuf.ts";
import type { View } from "./view.ts";
import { type Attentions, type Heads, keysOf, type Scores } from "./wired-attention.ts";
import { addedMask, isNothing, masked } from "./wired-masks.ts";
import type { Values } from "./wired-values.ts";

interface ScorePlace {
  readonly graph: NetGraph;
  readonly room: Room;
  readonly values: Values;
  readonly attentions: Attentions;
}

const NO_PRODUCT =
  "values that the net computes are multiplied with each other; here only as attention does, scores, a softmax over keys and values";

/** Two values that the net computes, multiplied: queries and keys. */
export function products(node: GraphNode, values: Values): void {
  const [first, second] = node.inputs.map((name) => values.headsOf(name)) as [Heads, Heads];
  const made =
    node.op === "Einsum" ? productOf(node, first, second) : { queries: first, keys: keysOf(second), order: [] };
  const { queries, keys, order } = made;
  if (queries.view.axes.length < 3 || keys.view.axes.length < 3 || order.some((at, i) => at !== i)) {
    refuse(`${node.where}: ${NO_PRODUCT}`);
  }
  values.scores.set(node.outputs[0]!, { queries, keys, factor: 1, causal: false, weights: false });
}

/** The number that a node multiplies or divides values by; null where it does anything else. */
function factorOf({ op, inputs }: GraphNode, at: number, graph: NetGraph): number | null {
  const c = scalarOf(graph.constants.get(inputs[1 - at] ?? ""));
  const times = op === "Mul" || (op === "Div" && at === 0);
  if (c === null || inputs.length !== 2 || !times || !Number.isFinite(1 / c)) return null;
  return op === "Mul" ? c : 1 / c;
}

/** A product with one number of a value that is only moved so far goes along with it; false for any other node. */
export function scaled(node: GraphNode, values: Values, graph: NetGraph): boolean {
  const at = node.inputs.findIndex((name) => values.views.has(name));
  const name = node.inputs[at] ?? "";
  const view = values.views.get(name);
  const factor = factorOf(node, at, graph);
  if (!view || factor === null || (values.isPlain(view) && !values.heads.has(name))) return false;
  const heads = values.headsOf(name);
  values.setHeads(node.outputs[0]!, { ...heads, factor: heads.factor * factor });
  return true;
}

/** Scores on their way to a softmax, weights behind it, and the product of weights and values. */
export function scored(node: GraphNode, place: ScorePlace): void {
  const { values } = place;
  const output = node.outputs[0]!;
  const at = node.inputs.findIndex((name) => values.scores.has(name));
  const scores = values.scores.get(node.inputs[at] ?? "");
  if (node.op === "IsNaN" && scores?.weights) values.notNumbers.add(output);
  else if (scores && node.op === "Dropout") values.scores.set(output, scores);
  else if (scores && !scores.weights) values.scores.set(output, towardsSoftmax(node, scores, at, place));
  else if (scores && isCleared(node, at, place)) values.scores.set(output, scores);
  else values.views.set(output, scores ? weighed(node, scores, at, place) : refuse(`${node.where}: ${NO_PRODUCT}`));
}

/** 0 in the place of what is not a number: here a step that sees nothing is 0 anyway. */
function isCleared({ op, inputs }: GraphNode, at: number, { values, graph }: ScorePlace): boolean {
  const zero = scalarOf(graph.constants.get(inputs[1] ?? "")) === 0;
  return op === "Where" && values.notNumbers.has(inputs[0]!) && at === 2 && zero;
}

function towardsSoftmax(node: GraphNode, scores: Scores, at: number, { graph, room }: ScorePlace): Scores {
  const { op, where } = node;
  const factor = factorOf(node, at, graph);
  if (factor !== null) return { ...scores, factor: scores.factor * factor };
  const [first, second, third] = node.inputs.map((name): Constant | undefined => graph.constants.get(name));
  const other = at === 0 ? second : first;
  if (op === "Add" && other) return addedMask(scores, other, room, where);
  if (op === "Where" && first && isNothing(at === 1 ? third : second)) {
    return masked(scores, first, (v) => (at === 1 ? v === 0 : v !== 0), room, where);
  }
  const axis = number(node, "axis", graph.opset < 13 ? 1 : -1);
  const last = scores.queries.view.axes.length - 1;
  if (op === "Softmax" && (axis === -1 || axis === last)) return { ...scores, weights: true };
  return refuse(`${where}: ${NO_PRODUCT}${op === "Add" || op === "Where" ? ", and a mask that is a constant" : ""}`);
}

function weighed(node: GraphNode, scores: Scores, at: number, { values, attentions }: ScorePlace): View {
  const other = node.inputs[1] ?? "";
  const known = at === 0 && values.views.has(other);
  if (known && node.op === "MatMul") return attentions.of(scores, values.headsOf(other), node.where);
  if (known && node.op === "Einsum") {
    const { values: heard, order } = weighedOf(node, scores, values.headsOf(other));
    const view = attentions.of(scores, heard, node.where);
    return { ...view, axes: order.map((axis) => view.axes[axis]!) };
  }
  return refuse(`${node.where}: works on the weights of an attention; here they go into the product with its values`);
}
