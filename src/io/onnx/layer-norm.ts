import { type Constant, numbersOf, scalarOf } from "./constants.ts";
import type { OnnxNode } from "./graph.ts";

/** Layer normalisation as exporters wrote it before ONNX had an op for it: nine ops, of which the last two may be absent. */
export interface FoundLayerNorm {
  readonly scale: Constant | null;
  readonly shift: Constant | null;
  readonly eps: number;
  readonly nodes: readonly OnnxNode[];
  readonly output: string;
}

/**
 * (x - mean(x)) / sqrt(mean((x - mean(x))^2) + eps) scale + shift, beginning at x = `start`. Null where it is something
 * else, be it a mean over another axis. Scale and shift are the constants that follow, if any do.
 */
export function findLayerNorm(
  start: string,
  consumers: ReadonlyMap<string, readonly OnnxNode[]>,
  constants: ReadonlyMap<string, Constant>,
): FoundLayerNorm | null {
  const nodes: OnnxNode[] = [];
  const take = (node: OnnxNode | undefined): string | null => {
    if (!node) return null;
    nodes.push(node);
    return node.outputs[0] ?? null;
  };
  const users = (value: string | null): readonly OnnxNode[] => (value === null ? [] : (consumers.get(value) ?? []));
  /** The one node of an op that a value goes to; the value must go nowhere else but to `besides`. */
  const next = (value: string | null, op: string, besides?: OnnxNode): OnnxNode | undefined => {
    const others = users(value).filter((node) => node !== besides);
    return others.length === 1 && others[0]!.op === op ? others[0] : undefined;
  };
  /** The constant that a node joins with a value, which comes first where `first` says so. */
  const joined = (node: OnnxNode | undefined, value: string | null): Constant | undefined =>
    constants.get(node?.inputs[node.inputs[0] === value ? 1 : 0] ?? "");

  const sub = users(start).find((node) => node.op === "Sub");
  const mean = next(start, "ReduceMean", sub);
  if (!sub || !isRowMean(mean, constants) || next(take(mean), "Sub") !== sub) return null;
  if (sub.inputs[0] !== start || sub.inputs[1] !== mean!.outputs[0]) return null;
  const centred = take(sub);

  const div = users(centred).find((node) => node.op === "Div");
  const square = next(centred, "Pow", div);
  if (!div || scalarOf(joined(square, centred)) !== 2 || square!.inputs[0] !== centred) return null;
  const variance = next(take(square), "ReduceMean");
  if (!isRowMean(variance, constants)) return null;
  const moved = take(variance);
  const add = next(moved, "Add");
  const eps = scalarOf(joined(add, moved));
  const root = next(take(add), "Sqrt");
  if (eps === null || !root || next(take(root), "Div") !== div) return null;
  if (div.inputs[0] !== centred || div.inputs[1] !== root.outputs[0]) return null;

  let output = take(div)!;
  const follow = (op: string): Constant | null => {
    const node = next(output, op);
    const constant = joined(node, output);
    if (!node || !constant) return null;
    output = take(node)!;
    return constant;
  };
  const scale = follow("Mul");
  const shift = follow("Add");
  return { scale, shift, eps: Number(eps.toPrecision(7)), nodes, output };
}

/** Over the last axis of rows, which stays as an axis of one. Its axes are an input since opset 18. */
function isRowMean(node: OnnxNode | undefined, constants: ReadonlyMap<string, Constant>): boolean {
  if (node?.op !== "ReduceMean") return false;
  const axes = node.attributes.get("axes") ?? numbersOf(constants.get(node.inputs[1] ?? ""));
  const keeps = (node.attributes.get("keepdims") ?? 1) === 1;
  return keeps && Array.isArray(axes) && axes.length === 1 && (axes[0] === -1 || axes[0] === 1);
}
