import type { WiredNet } from "../net/wired-net.ts";
import { type Constant, numbersOf, type Room, valuesOf } from "./constants.ts";
import { cutsOf } from "./cuts.ts";
import type { Dims } from "./dims.ts";
import type { GraphNode } from "./net-graph.ts";
import { number } from "./place.ts";
import { refuse } from "./protobuf.ts";
import { countOf, hasBatch, merged, type View } from "./view.ts";
import type { Turned } from "./wired-attention.ts";

/** What recognise.ts makes of x cos + (second half of x, negative, then the first) sin: its inputs are x, cos and sin. */
export const ROTARY = "chainrule:Rotary";

/** The nodes of a rotary position embedding that begins at `start`, and the names of its tables; null where there is none. */
export function findRotary(
  start: string,
  users: ReadonlyMap<string, readonly GraphNode[]>,
  constants: ReadonlyMap<string, Constant>,
  dims: ReadonlyMap<string, Dims>,
): {
  readonly nodes: readonly GraphNode[];
  readonly cos: string;
  readonly sin: string;
  readonly output: string;
} | null {
  const own = users.get(start) ?? [];
  const other = (node: GraphNode, value: string): string => node.inputs[node.inputs[0] === value ? 1 : 0] ?? "";
  const table = (node: GraphNode | undefined, value: string): string | null =>
    node?.op === "Mul" && constants.has(other(node, value)) ? other(node, value) : null;
  const straight = own.find((node) => table(node, start) !== null);
  const halves = halvesOf(start, own, constants, dims.get(start) ?? null);
  if (!straight || !halves) return null;
  const only = (value: string): GraphNode | undefined => {
    const all = users.get(value) ?? [];
    return all.length === 1 ? all[0] : undefined;
  };
  const negative = only(halves.second);
  const joined = negative?.op === "Neg" ? only(negative.outputs[0]!) : undefined;
  const [a, b] = joined?.inputs ?? [];
  if (joined?.op !== "Concat" || joined.inputs.length !== 2 || a !== negative!.outputs[0] || b !== halves.first)
    return null;
  const turned = only(joined.outputs[0]!);
  const sin = table(turned, joined.outputs[0]!);
  const sum = only(straight.outputs[0]!);
  if (sin === null || sum?.op !== "Add" || other(sum, straight.outputs[0]!) !== turned!.outputs[0]) return null;
  const nodes = [straight, ...halves.nodes, negative!, joined, turned!, sum];
  return { nodes, cos: table(straight, start)!, sin, output: sum.outputs[0]! };
}

/** The two halves of a value's last axis, cut out or split. */
function halvesOf(
  start: string,
  users: readonly GraphNode[],
  constants: ReadonlyMap<string, Constant>,
  dims: Dims,
): { readonly first: string; readonly second: string; readonly nodes: readonly GraphNode[] } | null {
  const last = dims?.at(-1);
  if (!dims || typeof last !== "number") return null;
  const split = users.find(({ op, outputs }) => op === "Split" && outputs.length === 2);
  if (split) return { first: split.outputs[0]!, second: split.outputs[1]!, nodes: [split] };
  const numbers = (name: string | undefined) => numbersOf(constants.get(name ?? ""));
  const cuts = users.flatMap((node) => {
    const found = node.op === "Slice" && node.inputs[0] === start ? cutsOf(node, dims, { numbers }) : null;
    return found?.length === 1 && found[0]!.axis === dims.length - 1 ? [{ node, ...found[0]! }] : [];
  });
  const first = cuts.find(({ from, to }) => from === 0 && to === last / 2);
  const second = cuts.find(({ from, to }) => from === last / 2 && to === last);
  if (!first || !second) return null;
  return { first: first.node.outputs[0]!, second: second.node.outputs[0]!, nodes: [first.node, second.node] };
}

/** Angles by their cosines and sines are as f32 has them. */
const TOLERANCE = 1e-3;

/** What the tables of a node turn by: powers of one base, as here, or a refusal. */
export function turnedBy(
  node: GraphNode,
  view: View,
  net: WiredNet,
  constants: ReadonlyMap<string, Constant>,
  room: Room,
): Turned {
  const { where } = node;
  const own = node.op === ROTARY;
  const microsoft = node.op.startsWith("com.microsoft");
  const [cosAt, sinAt, idsAt] = microsoft ? [2, 3, 1] : [1, 2, 3];
  const [cos, sin] = [cosAt, sinAt].map((i) => constants.get(node.inputs[i] ?? "")) as [Constant?, Constant?];
  if (!cos || !sin) return refuse(`${where}: its tables of cosines and sines must be constants of the file`);
  const width = net.shapeOf(view.value)[1] ?? 0;
  const d = countOf(view.axes.at(-1)!);
  const at = view.axes.findIndex((axis) => {
    const [atom, ...more] = merged(axis);
    return more.length === 0 && atom?.stride === width && !hasBatch(axis);
  });
  if (at < 0 || d % 2 !== 0) return refuse(`${where}: turns values that are no steps of heads`);
  if (!own && number(node, "rotary_embedding_dim", 0) % d !== 0) {
    return refuse(`${where}: turns a part of each head; here the whole of it`);
  }
  const t = countOf(view.axes[at]!);
  if (!own) {
    const ids = node.inputs[idsAt] ? constants.get(node.inputs[idsAt]!) : null;
    const order = ids && valuesOf(ids, room, where);
    if (ids === undefined || (order && !(order.length === 1 || order.every((v, i) => v === i % t)))) {
      return refuse(`${where}: its positions must be a constant, 0 and on`);
    }
  }
  const angle = angles(own, cos, sin, { t, d, stepAxis: at - view.axes.length }, room, where);
  const base = t > 1 && d > 2 ? Number((angle(1, 1) ** (-d / 2)).toPrecision(5)) : 10000;
  for (let step = 0; step < t; step++) {
    for (let i = 0; i < d / 2; i++) {
      const wanted = step / base ** ((2 * i) / d);
      const off = Math.abs(Math.sin((angle(step, i) - wanted) / 2));
      if (!(off <= TOLERANCE * (1 + step / 1000))) refuse(`${where}: its angles are not step / base^(2 i / ${d})`);
    }
  }
  return { base, neighbours: !own && number(node, "interleaved", 0) !== 0 };
}

/** The angle of a step and a pair, out of tables [.., step, .., d] or [positions, d / 2]. */
function angles(
  own: boolean,
  cos: Constant,
  sin: Constant,
  { t, d, stepAxis }: { readonly t: number; readonly d: number; readonly stepAxis: number },
  room: Room,
  where: string,
): (step: number, i: number) => number {
  const [c, s] = [cos, sin].map((table) => valuesOf(table, room, where)) as [Float64Array, Float64Array];
  const { dims } = cos;
  const last = dims.at(-1) ?? 1;
  const steps = own ? (dims.at(stepAxis) ?? 1) : (dims.at(-2) ?? 1);
  const plain = dims.every((n, i) => n === 1 || i === dims.length - 1 || i === dims.length + (own ? stepAxis : -2));
  if (!plain || last !== (own ? d : d / 2) || steps < t || sin.dims.join() !== dims.join()) {
    return refuse(`${where}: tables of [${dims.join(", ")}] for ${t} steps of ${d} values a head`);
  }
  return (step, i) => Math.atan2(s[step * last + i]!, c[step * last + i]!);
}
