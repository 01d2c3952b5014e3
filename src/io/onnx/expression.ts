import { erfc } from "../../core/erf.ts";
import { logistic } from "../../core/logistic.ts";
import { ndarray } from "../../core/ndarray.ts";
import { activations } from "../../ops/elementwise/activations.ts";
import { lazyActivations } from "../../ops/elementwise/lazy-activations.ts";
import { type Constant, scalarOf } from "./constants.ts";
import type { GraphNode } from "./net-graph.ts";

/**
 * Activations that exporters write as several ops, such as GELU by erf or SiLU as x sigmoid(x). Which one it is, is told
 * by its values and not by the shape of the formula, of which there are many: the ops are computed at a few points and
 * compared with the activations here.
 */
export interface FoundActivation {
  readonly type: (typeof CANDIDATES)[number];
  /** The value that holds the activation. */
  readonly output: string;
  readonly nodes: readonly GraphNode[];
}

const unary: Readonly<Record<string, (x: number) => number>> = {
  Erf: (x) => 1 - erfc(x),
  Sigmoid: logistic,
  Tanh: Math.tanh,
  Exp: Math.exp,
  Log: Math.log,
  Neg: (x) => -x,
  Softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
};
/** Ops of one value whose numbers are attributes or constants behind it, by what they are called and where they lie. */
const bounded: Readonly<
  Record<string, (x: number, given: (key: string, index: number, usual: number) => number) => number>
> = {
  Clip: (x, given) =>
    Math.min(Math.max(x, given("min", 1, Number.NEGATIVE_INFINITY)), given("max", 2, Number.POSITIVE_INFINITY)),
  HardSigmoid: (x, given) => Math.min(Math.max(given("alpha", -1, 0.2) * x + given("beta", -1, 0.5), 0), 1),
};
const binary: Readonly<Record<string, (a: number, b: number) => number>> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Div: (a, b) => a / b,
  Pow: (a, b) => a ** b,
};

/** Where no two activations come near each other, nor GELU its approximation by tanh, which is off by 2e-4 and more. */
const POINTS = [-5.1, -3.3, -2.4, -1.7, -0.9, -0.4, 0.3, 0.8, 1.6, 2.3, 3.1, 4.2] as const;
/** Constants such as the root of 2 are rounded to f32 in the file, or typed with seven digits. */
const TOLERANCE = 1e-5;
/** No exporter takes more ops for one activation. */
const MOST_OPS = 16;
const CANDIDATES = [
  "relu",
  "sigmoid",
  "tanh",
  "softplus",
  "gelu",
  "silu",
  "hardSwish",
  "hardSigmoid",
  "mish",
  "geluTanh",
] as const;
const references = { ...activations, ...lazyActivations };

/**
 * The activation of most ops that begins at `start`: follows nodes that compute from it and from single numbers alone,
 * and looks at each value that these give. What lies between start and that value must be used nowhere else; the start
 * itself may be. Null where there is none of several ops.
 */
export function findActivation(
  start: string,
  consumers: ReadonlyMap<string, readonly GraphNode[]>,
  constants: ReadonlyMap<string, Constant>,
  output: string,
): FoundActivation | null {
  const values = new Map<string, readonly number[]>([[start, POINTS]]);
  const makers = new Map<string, GraphNode>();
  let found: FoundActivation | null = null;
  const pending = [...(consumers.get(start) ?? [])];
  while (makers.size < MOST_OPS && pending.length <= 2 * MOST_OPS) {
    const at = pending.findIndex((node) => evaluate(node, values, constants) !== null);
    if (at < 0) break;
    const node = pending.splice(at, 1)[0]!;
    const name = node.outputs[0]!;
    if (values.has(name)) continue;
    values.set(name, evaluate(node, values, constants)!);
    makers.set(name, node);
    pending.push(...(consumers.get(name) ?? []));
    const type = identify(values.get(name)!);
    const nodes = type ? between(start, name, makers) : [];
    if (type && nodes.length > 1 && isClosed(nodes, name, consumers, output)) found = { type, output: name, nodes };
  }
  return found;
}

/** The nodes that `end` is computed by. */
function between(start: string, end: string, makers: ReadonlyMap<string, GraphNode>): readonly GraphNode[] {
  const nodes = new Set<GraphNode>();
  const open = [end];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const node = name === start ? undefined : makers.get(name);
    if (!node || nodes.has(node)) continue;
    nodes.add(node);
    open.push(...node.inputs);
  }
  return [...nodes];
}

/** Whether nothing else uses what these nodes give but for `end`. */
function isClosed(
  nodes: readonly GraphNode[],
  end: string,
  consumers: ReadonlyMap<string, readonly GraphNode[]>,
  output: string,
): boolean {
  return nodes.every((node) => {
    const name = node.outputs[0]!;
    return name === end || (name !== output && (consumers.get(name) ?? []).every((user) => nodes.includes(user)));
  });
}

/** The node's values at the points; null where it needs what is not known, or is no such op. */
function evaluate(
  node: GraphNode,
  values: ReadonlyMap<string, readonly number[]>,
  constants: ReadonlyMap<string, Constant>,
): readonly number[] | null {
  const bound = Object.hasOwn(bounded, node.op) ? bounded[node.op]! : null;
  const flowing = values.get(node.inputs[0] ?? "");
  if (bound && flowing && node.outputs.length === 1) {
    const given = (key: string, index: number, usual: number): number => {
      const name = index < 0 ? undefined : node.inputs[index];
      const value = name ? scalarOf(constants.get(name)) : (node.attributes.get(key) ?? usual);
      return typeof value === "number" ? value : Number.NaN;
    };
    return flowing.map((x) => bound(x, given));
  }
  if (node.outputs.length !== 1 || node.attributes.size > 0) return null;
  const operands = node.inputs.map((name) => {
    const scalar = scalarOf(constants.get(name));
    return values.get(name) ?? (scalar === null ? null : POINTS.map(() => scalar));
  });
  const [a, b] = operands;
  if (operands.length === 1 && Object.hasOwn(unary, node.op) && a) return a.map(unary[node.op]!);
  if (operands.length === 2 && Object.hasOwn(binary, node.op) && a && b) {
    return a.map((x, i) => binary[node.op]!(x, b[i]!));
  }
  return null;
}

function identify(values: readonly number[]): FoundActivation["type"] | undefined {
  return CANDIDATES.find((name) => {
    const [wantedAt] = references[name]!.forward.reference([ndarray([POINTS.length], "f64", POINTS)], { alpha: 0 });
    return POINTS.every((_, i) => {
      const wanted = wantedAt!.data[i]!;
      return Math.abs(values[i]! - wanted) <= TOLERANCE * (1 + Math.abs(wanted));
    });
  });
}
