import { erfc } from "../../core/erf.ts";
import { logistic } from "../../core/logistic.ts";
import { ndarray } from "../../core/ndarray.ts";
import { activations } from "../../ops/activations.ts";
import type { ActivationName } from "../../ops/names.ts";
import { type Constant, scalarOf } from "./constants.ts";
import type { OnnxNode } from "./graph.ts";

/**
 * Activations that exporters write as several ops, such as GELU by erf or SiLU as x sigmoid(x). Which one it is, is told
 * by its values and not by the shape of the formula, of which there are many: the ops are computed at a few points and
 * compared with the activations here.
 */
export interface FoundActivation {
  readonly type: (typeof CANDIDATES)[number];
  /** The value that holds the activation. */
  readonly output: string;
  readonly nodes: readonly OnnxNode[];
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
const CANDIDATES = ["relu", "sigmoid", "tanh", "softplus", "gelu", "silu"] as const satisfies readonly ActivationName[];

/**
 * The activation that begins at `start`: follows nodes that compute from it and from single numbers alone, until all
 * that was computed runs together in one value and that value is an activation. Null where it never is.
 */
export function findActivation(
  start: string,
  consumers: ReadonlyMap<string, readonly OnnxNode[]>,
  constants: ReadonlyMap<string, Constant>,
): FoundActivation | null {
  const values = new Map<string, readonly number[]>([[start, POINTS]]);
  const nodes: OnnxNode[] = [];
  const pending = [...(consumers.get(start) ?? [])];
  if (pending.length > MOST_OPS) return null;
  while (nodes.length < MOST_OPS) {
    const at = pending.findIndex((node) => !nodes.includes(node) && evaluate(node, values, constants) !== null);
    if (at < 0) return null;
    const node = pending.splice(at, 1)[0]!;
    const output = node.outputs[0]!;
    values.set(output, evaluate(node, values, constants)!);
    nodes.push(node);
    pending.push(...(consumers.get(output) ?? []));
    const joined = [...values.keys()].every(
      (name) => name === output || (consumers.get(name) ?? []).every((user) => nodes.includes(user)),
    );
    const type = joined ? identify(values.get(output)!) : undefined;
    if (type) return { type, output, nodes };
  }
  return null;
}

/** The node's values at the points; null where it needs what is not known, or is no such op. */
function evaluate(
  node: OnnxNode,
  values: ReadonlyMap<string, readonly number[]>,
  constants: ReadonlyMap<string, Constant>,
): readonly number[] | null {
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
    const [wantedAt] = activations[name]!.forward.reference([ndarray([POINTS.length], "f64", POINTS)], { alpha: 0 });
    return POINTS.every((_, i) => {
      const wanted = wantedAt!.data[i]!;
      return Math.abs(values[i]! - wanted) <= TOLERANCE * (1 + Math.abs(wanted));
    });
  });
}
