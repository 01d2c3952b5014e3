import type { Graph, Node, Tensor } from "../graph/graph.ts";
import { activations } from "./activations.ts";
import { addBias } from "./bias.ts";
import { type LinearAttrs, linear } from "./linear.ts";
import { matmul } from "./matmul.ts";

/**
 * The graph's nodes with matmul, addBias and activation made one `linear` where nothing else looks at the values in
 * between (an activation whose gradient wants its input is such a look). The tensors stay the same objects, so executors that fuse and those that do not can still be compared.
 */
export function fuse(g: Graph): readonly Node[] {
  const users = new Map<Tensor, Node[]>();
  for (const node of g.nodes) for (const t of node.inputs) users.set(t, [...(users.get(t) ?? []), node]);
  const only = (t: Tensor): Node | null => {
    const all = users.get(t) ?? [];
    return all.length === 1 && !g.kept.has(t) ? all[0]! : null;
  };
  const gone = new Set<Node>();
  const made = new Map<Node, Node>();
  for (const node of g.nodes) {
    if (node.op !== matmul) continue;
    let last = node;
    let bias: Tensor | null = null;
    let next = only(last.outputs[0]!);
    if (next && next.op === addBias && next.inputs[0] === last.outputs[0]) {
      bias = next.inputs[1]!;
      gone.add(last);
      last = next;
      next = only(last.outputs[0]!);
    }
    const act = next ? activations[next.op.name] : undefined;
    if (next && act && next.op === act.forward) {
      gone.add(last);
      last = next;
    }
    if (last === node) continue;
    const fusedActivation = last.op === addBias ? null : last;
    const attrs: LinearAttrs = {
      activation: fusedActivation?.op.name ?? null,
      alpha: fusedActivation?.attrs.alpha ?? 0,
    };
    const inputs = bias ? [...node.inputs, bias] : node.inputs;
    made.set(last, { id: last.id, op: linear, attrs, inputs, outputs: last.outputs });
  }
  return g.nodes.filter((n) => !gone.has(n)).map((n) => made.get(n) ?? n);
}
