import { sizeOf } from "../../core/ndarray.ts";
import { type Constant, scalarOf } from "./constants.ts";
import type { Dims } from "./dims.ts";
import type { GraphNode } from "./net-graph.ts";

/** Group normalisation as exporters wrote it before ONNX had an op for it: groups as channels of an instance norm. */
export interface FoundGroupNorm {
  readonly groups: number;
  /** Names of constants, a number a channel; null where nothing is scaled or shifted behind. */
  readonly scale: string | null;
  readonly shift: string | null;
  readonly eps: number;
  readonly nodes: readonly GraphNode[];
  readonly output: string;
}

/**
 * Reshape to [batch, groups, the rest], an instance norm without scale and shift of its own, Reshape back, and perhaps
 * Mul and Add of a number for each channel. Null where it is something else.
 */
export function findGroupNorm(
  start: string,
  users: ReadonlyMap<string, readonly GraphNode[]>,
  constants: ReadonlyMap<string, Constant>,
  dims: ReadonlyMap<string, Dims>,
  graphOutput: string,
): FoundGroupNorm | null {
  const whole = dims.get(start);
  const channels = whole?.[1];
  if (!whole || whole.length < 3 || typeof channels !== "number") return null;
  const nodes: GraphNode[] = [];
  const next = (value: string, op: string): GraphNode | undefined => {
    const all = users.get(value) ?? [];
    return all.length === 1 && all[0]!.op === op && value !== graphOutput ? all[0] : undefined;
  };
  const grouping = (users.get(start) ?? []).find(({ op }) => op === "Reshape");
  const grouped = dims.get(grouping?.outputs[0] ?? "");
  const groups = grouped?.[1];
  if (!grouping || grouped?.length !== 3 || typeof groups !== "number" || channels % groups !== 0) return null;
  const norm = next(grouping.outputs[0]!, "InstanceNormalization");
  const back = norm && next(norm.outputs[0]!, "Reshape");
  if (!norm || !back || dims.get(back.outputs[0]!)?.join() !== whole.join()) return null;
  if (!isAll(constants.get(norm.inputs[1] ?? ""), 1) || !isAll(constants.get(norm.inputs[2] ?? ""), 0)) return null;
  nodes.push(grouping, norm, back);
  let output = back.outputs[0]!;
  const follow = (op: string): string | null => {
    const node = next(output, op);
    const name = node?.inputs[node.inputs[0] === output ? 1 : 0] ?? "";
    const constant = constants.get(name);
    if (!node || !constant || sizeOf(constant.dims) !== channels) return null;
    const own = constant.dims;
    // A number a channel: [channels, 1, 1], perhaps behind a batch of one.
    const at = own.length - (whole.length - 1);
    if (own[at] !== channels && channels !== 1) return null;
    nodes.push(node);
    output = node.outputs[0]!;
    return name;
  };
  const scale = follow("Mul");
  const shift = follow("Add");
  const eps = norm.attributes.get("epsilon") ?? 1e-5;
  return typeof eps === "number" ? { groups, scale, shift, eps, nodes, output } : null;
}

function isAll(constant: Constant | undefined, value: number): boolean {
  if (!constant) return false;
  if (sizeOf(constant.dims) === 1) return scalarOf(constant) === value;
  let same = true;
  constant.each((v) => {
    same &&= v === value;
  });
  return same;
}
