import type { Graph, Node, Tensor } from "../../graph/graph.ts";
import { besideHalves, halved, halvesOf } from "./halved.ts";
import { toHalf } from "./to-half.ts";

/** Ops that have products in them, attention and recurrences among them. */
const products = [
  ...["matmul", "transposeMatmul", "outerProduct", "conv", "convInputGradient", "convWeightGradient"],
  ...["attention", "lstm", "gru", "rnn", "rnnRelu"].flatMap((name) => [name, `${name}Gradient`]),
];

/**
 * Makes a graph, forward and backward, one whose products read halves: every operand is rounded once, behind the node that
 * makes it, and all who read it for a product read that copy. Where there is one, derivatives of activations and the sums
 * of a bias's gradient read it too, so that what it was made of need not be kept. Everything else stays f32. It comes after
 * differentiation: the nodes that it changes have the gradients of those in f32.
 */
export function storeHalves(g: Graph): void {
  const nodes = [...g.nodes];
  const made = new Map<Tensor, Node>();
  const copyOf = (t: Tensor): Tensor => {
    const found = made.get(t)?.outputs[0];
    if (found) return found;
    const copy = g.one(toHalf, [t], null, `${t.name} as halves`);
    made.set(t, g.nodes.at(-1)!);
    return copy;
  };
  const isProduct = ({ op }: Node): boolean => products.includes(op.name);
  const others = nodes.filter((node) => !isProduct(node));
  for (const node of nodes) if (isProduct(node)) readHalves(node, halvesOf(node.op), copyOf);
  for (const node of others) {
    const stored = halvesOf(node.op).filter((i) => made.has(node.inputs[i]!));
    if (stored.length > 0) readHalves(node, stored, copyOf);
  }
  for (const node of others) if (node.op.lossPair && node.op.fuse) Object.assign(node, { op: besideHalves(node.op) });
  // Each copy runs right behind its source; those of variables run first.
  const behind = (t: Tensor): readonly Node[] => {
    const copy = made.get(t);
    return copy ? [copy] : [];
  };
  const first = g.variables.flatMap(behind);
  g.nodes.splice(0, g.nodes.length, ...first, ...nodes.flatMap((node) => [node, ...node.outputs.flatMap(behind)]));
}

/** In place: the tensors that the node makes stay the same objects, which others hold. */
function readHalves(node: Node, indices: readonly number[], copyOf: (t: Tensor) => Tensor): void {
  const inputs = node.inputs.map((t, i) => (indices.includes(i) ? copyOf(t) : t));
  Object.assign(node, { op: halved(node.op), inputs });
}
