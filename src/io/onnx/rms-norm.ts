import { type Constant, scalarOf } from "./constants.ts";
import type { Dims } from "./dims.ts";
import { isRowMean, isSquare } from "./layer-norm.ts";
import type { GraphNode } from "./net-graph.ts";

/** Root mean square normalisation as exporters write it: six ops or seven, of which the last may be absent. */
export interface FoundRmsNorm {
  /** Name of a constant. */
  readonly scale: string | null;
  readonly eps: number;
  readonly nodes: readonly GraphNode[];
  readonly output: string;
}

/** x / sqrt(mean(x^2) + eps) scale, beginning at x = `start` of axes `dims`; null where it is something else. */
export function findRmsNorm(
  start: string,
  users: ReadonlyMap<string, readonly GraphNode[]>,
  constants: ReadonlyMap<string, Constant>,
  dims: Dims,
): FoundRmsNorm | null {
  const only = (value: string): GraphNode | undefined => {
    const all = users.get(value) ?? [];
    return all.length === 1 ? all[0] : undefined;
  };
  const other = (node: GraphNode, value: string): string => node.inputs[node.inputs[0] === value ? 1 : 0] ?? "";
  const square = (users.get(start) ?? []).find((node) => isSquare(node, start, constants));
  const mean = square && only(square.outputs[0]!);
  const add = isRowMean(mean, constants, dims) ? only(mean.outputs[0]!) : undefined;
  const eps = add?.op === "Add" ? scalarOf(constants.get(other(add, mean!.outputs[0]!))) : null;
  const root = add && only(add.outputs[0]!);
  if (eps === null || root?.op !== "Sqrt") return null;
  const nodes = [square!, mean!, add!, root];
  let end = only(root.outputs[0]!);
  const inverse = end?.op === "Reciprocal" || (end?.op === "Div" && scalarOf(constants.get(end.inputs[0] ?? "")) === 1);
  if (inverse) {
    nodes.push(end!);
    end = only(end!.outputs[0]!);
  }
  const below = nodes.at(-1)!.outputs[0]!;
  const divides = inverse ? end?.op === "Mul" : end?.op === "Div" && end.inputs[1] === below;
  if (!end || !divides || other(end, below) !== start) return null;
  nodes.push(end);
  const last = only(end.outputs[0]!);
  const scale = last?.op === "Mul" ? other(last, end.outputs[0]!) : "";
  if (!constants.has(scale)) return { scale: null, eps: Number(eps.toPrecision(7)), nodes, output: end.outputs[0]! };
  return { scale, eps: Number(eps.toPrecision(7)), nodes: [...nodes, last!], output: last!.outputs[0]! };
}
