import { type Constant, numbersOf, scalarOf } from "./constants.ts";
import type { Dims } from "./dims.ts";
import type { GraphNode } from "./net-graph.ts";

/** Layer normalisation as exporters wrote it before ONNX had an op for it: nine ops, of which the last two may be absent. */
export interface FoundLayerNorm {
  /** Names of constants. */
  readonly scale: string | null;
  readonly shift: string | null;
  readonly eps: number;
  readonly nodes: readonly GraphNode[];
  readonly output: string;
}

/**
 * (x - mean(x)) / sqrt(mean((x - mean(x))^2) + eps) scale + shift, beginning at x = `start` of axes `dims`. Null where it
 * is something else, be it a mean over another axis. Scale and shift are the constants that follow, if any do.
 */
export function findLayerNorm(
  start: string,
  consumers: ReadonlyMap<string, readonly GraphNode[]>,
  constants: ReadonlyMap<string, Constant>,
  dims: Dims,
): FoundLayerNorm | null {
  const nodes: GraphNode[] = [];
  const take = (node: GraphNode): string => {
    nodes.push(node);
    return node.outputs[0]!;
  };
  const users = (value: string): readonly GraphNode[] => consumers.get(value) ?? [];
  /** The one node of an op that a value goes to; the value must go nowhere else. */
  const next = (value: string, op: string): GraphNode | undefined => {
    const all = users(value);
    return all.length === 1 && all[0]!.op === op ? all[0] : undefined;
  };
  /** The constant that a node joins with a value. */
  const joined = (node: GraphNode, value: string): string => node.inputs[node.inputs[0] === value ? 1 : 0] ?? "";

  const mean = users(start).find((node) => isRowMean(node, constants, dims));
  const sub = mean && next(mean.outputs[0]!, "Sub");
  if (!sub || sub.inputs[0] !== start || sub.inputs[1] !== mean.outputs[0]) return null;
  take(mean);
  const centred = take(sub);

  // What is divided by the root, and the square, which may be a product of the same by itself.
  const uses = [...new Set(users(centred))];
  const square = uses.find((node) => isSquare(node, centred, constants));
  const end = uses.find((node) => node !== square);
  if (uses.length !== 2 || !square || !end) return null;
  const squared = take(square);
  const variance = users(squared)[0];
  if (users(squared).length !== 1 || !isRowMean(variance, constants, dims)) return null;
  const moved = take(variance);
  const add = next(moved, "Add");
  const eps = add ? scalarOf(constants.get(joined(add, moved))) : null;
  const sqrt = add && next(take(add), "Sqrt");
  if (!sqrt || eps === null) return null;
  let root = take(sqrt);
  const reciprocal = next(root, "Reciprocal");
  if (reciprocal) root = take(reciprocal);
  const other = joined(end, centred);
  const divides = reciprocal ? end.op === "Mul" : end.op === "Div" && end.inputs[0] === centred;
  if (!divides || other !== root || users(root).length !== 1) return null;

  let output = take(end);
  const follow = (op: string): string | null => {
    const node = next(output, op);
    const constant = node && joined(node, output);
    if (!constant || !constants.has(constant)) return null;
    output = take(node);
    return constant;
  };
  const scale = follow("Mul");
  const shift = follow("Add");
  return { scale, shift, eps: Number(eps.toPrecision(7)), nodes, output };
}

export function isSquare(node: GraphNode, value: string, constants: ReadonlyMap<string, Constant>): boolean {
  const [a, b] = node.inputs;
  if (a !== value) return false;
  return node.op === "Mul" ? b === value : node.op === "Pow" && scalarOf(constants.get(b ?? "")) === 2;
}

/** Over the last axis of rows, which stays as an axis of one. Its axes are an input since opset 18. */
export function isRowMean(
  node: GraphNode | undefined,
  constants: ReadonlyMap<string, Constant>,
  dims: Dims,
): node is GraphNode {
  if (node?.op !== "ReduceMean") return false;
  const axes = node.attributes.get("axes") ?? numbersOf(constants.get(node.inputs[1] ?? ""));
  const keeps = (node.attributes.get("keepdims") ?? 1) === 1;
  return keeps && Array.isArray(axes) && axes.length === 1 && (axes[0] === -1 || axes[0] === (dims?.length ?? 2) - 1);
}
