import type { Graph, Node, Tensor } from "../graph/graph.ts";
import type { Pattern, Uses } from "../graph/op.ts";
import { activations } from "./elementwise/activations.ts";
import { addBias, sumRows } from "./matmul/bias.ts";
import { type LinearAttrs, linear, linearInputGradient, linearWeightGradient } from "./matmul/linear.ts";
import { matmul, transposeMatmul } from "./matmul/matmul.ts";
import { batchIndex, drawBatch, gather } from "./step/batch.ts";
import { control, controlAndRecord } from "./step/control.ts";
import { record } from "./step/record.ts";

/**
 * The graph's nodes with those made one for which a kernel does the work of several, where nothing else looks at the
 * values in between (an activation whose gradient wants its input is such a look). The tensors stay the same objects,
 * so executors that fuse and those that do not can still be compared.
 */
export function fuse(g: Graph): readonly Node[] {
  const uses = usesOf(g);
  const gone = new Set<Node>();
  const made = new Map<Node, Node>();
  // Losses first: what a head is with its loss saves more than what it is with its bias.
  const losses = g.nodes.filter(({ op }) => op.lossPair);
  for (const node of [...losses, ...g.nodes.filter(({ op }) => !op.lossPair)]) {
    const { fuse } = node.op;
    for (const pattern of fuse ? [fuse] : patterns) {
      const found = gone.has(node) ? null : pattern(node, uses, patterns);
      if (!found || found.replaces.some((n) => gone.has(n))) continue;
      const { at, op, attrs, inputs, outputs } = found;
      for (const n of found.replaces) gone.add(n);
      made.set(at, { id: at.id, op, attrs, inputs, outputs });
    }
  }
  return g.nodes.flatMap((n) => made.get(n) ?? (gone.has(n) ? [] : n));
}

/** Who reads what in a graph. */
export function usesOf(g: Graph): Uses {
  const users = new Map<Tensor, Node[]>();
  for (const node of g.nodes) for (const t of node.inputs) users.set(t, [...(users.get(t) ?? []), node]);
  const of = (t: Tensor): readonly Node[] => users.get(t) ?? [];
  const only = (t: Tensor): Node | null => {
    const all = of(t);
    return all.length === 1 && !g.kept.has(t) ? all[0]! : null;
  };
  return { nodes: g.nodes, of, only, kept: (t) => g.kept.has(t) };
}

/** The activation whose op a node is. */
export const activationOf = (node: Node | null, direction: "forward" | "backward") =>
  node === null ? undefined : Object.values(activations).find((a) => a[direction] === node.op);

/** matmul, then perhaps addBias, then perhaps an activation. */
const layer: Pattern = (node, { only }) => {
  if (node.op !== matmul) return null;
  const chain = [node];
  const next = (): Node | null => only(chain.at(-1)!.outputs[0]!);
  const biased = next();
  const bias = biased && biased.op === addBias && biased.inputs[0] === node.outputs[0] ? biased.inputs[1]! : null;
  if (bias) chain.push(biased!);
  const activated = next();
  const activation = activationOf(activated, "forward");
  if (activation) chain.push(activated!);
  const at = chain.at(-1)!;
  if (at === node) return null;
  const attrs: LinearAttrs = { activation: activation?.spec.name ?? null, alpha: activation ? at.attrs.alpha : 0 };
  const inputs = bias ? [...node.inputs, bias] : node.inputs;
  return { replaces: chain, at, op: linear, attrs, inputs, outputs: at.outputs };
};

/** dy wT, then the derivative of the activation before the layer. */
const inputGradient: Pattern = (node, { only }) => {
  if (node.op !== transposeMatmul || node.attrs.transpose !== "b") return null;
  const at = only(node.outputs[0]!);
  const activation = activationOf(at, "backward");
  if (!at || !activation || at.inputs[0] !== node.outputs[0]) return null;
  const attrs: LinearAttrs = { activation: activation.spec.name, alpha: at.attrs.alpha };
  const inputs = [...node.inputs, at.inputs[1]!];
  return { replaces: [node, at], at, op: linearInputGradient, attrs, inputs, outputs: at.outputs };
};

/** xT dy and the sums of dy's columns; both are of the same inputs, so the earlier place will do. */
const weightGradient: Pattern = (node, { nodes, of }) => {
  if (node.op !== transposeMatmul || node.attrs.transpose !== "a") return null;
  const sums = of(node.inputs[1]!).find((n) => n.op === sumRows);
  if (!sums) return null;
  const at = nodes.indexOf(sums) < nodes.indexOf(node) ? sums : node;
  const outputs = [node.outputs[0]!, sums.outputs[0]!];
  return { replaces: [node, sums], at, op: linearWeightGradient, attrs: null, inputs: node.inputs, outputs };
};

/** A loss and its gradient, when what the gradient starts from is known before the step. */
const lossAndGradient: Pattern = (node, { nodes, of }) => {
  const loss = node.op.lossPair?.();
  const [p, t] = node.inputs;
  const gradient = loss && of(p!).find((n) => n.op === loss.backward && n.inputs[0] === p && n.inputs[1] === t);
  if (!gradient) return null;
  const start = gradient.inputs[2]!;
  if (start.kind !== "variable" && nodes.indexOf(start.node!) > nodes.indexOf(node)) return null;
  const outputs = [node.outputs[0]!, gradient.outputs[0]!];
  const { inputs } = gradient;
  return { replaces: [node, gradient], at: node, op: loss.withGradient, attrs: node.attrs, inputs, outputs };
};

/** The rows of a batch and both of its arrays. */
const draw: Pattern = (node, { of }) => {
  if (node.op !== batchIndex) return null;
  const index = node.outputs[0]!;
  const gathers = of(index).filter((n) => n.op === gather && n.inputs[1] === index);
  const [x, y] = gathers;
  if (gathers.length !== 2 || x!.inputs[0]!.dtype === "u32") return null;
  const inputs = [node.inputs[0]!, x!.inputs[0]!, y!.inputs[0]!];
  const outputs = [index, x!.outputs[0]!, y!.outputs[0]!];
  return { replaces: [node, ...gathers], at: node, op: drawBatch, attrs: node.attrs, inputs, outputs };
};

/** The numbers of a step and their recording, unless something between the two still needs the cursor as it was. */
const bookkeeping: Pattern = (node, { nodes, of }) => {
  if (node.op !== control) return null;
  const [numbers, cursor, loss, stats] = node.inputs;
  const end = of(node.outputs[0]!).find((n) => n.op === record && n.inputs[0] === cursor && n.inputs[2] === loss);
  if (!end) return null;
  const between = nodes.slice(nodes.indexOf(node) + 1, nodes.indexOf(end));
  if (between.some((n) => n.inputs.includes(cursor!))) return null;
  return {
    replaces: [node, end],
    at: node,
    op: controlAndRecord,
    attrs: { ...node.attrs, ...end.attrs },
    inputs: [numbers!, cursor!, loss!, stats!, end.inputs[1]!],
    outputs: [node.outputs[0]!, ...end.outputs],
  };
};

const patterns: readonly Pattern[] = [layer, inputGradient, weightGradient, lossAndGradient, draw, bookkeeping];
