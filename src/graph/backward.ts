import { ChainruleError } from "../core/errors.ts";
import type { Graph, Tensor } from "./graph.ts";

/**
 * The chain rule as graph surgery: adds the nodes that compute d loss / d target for each target, by walking the graph
 * once from the loss to the front. Each node's own rule gives its inputs' gradients from its outputs'.
 *
 * @param seed d loss / d loss: a variable that holds 1.
 * @param sum adds two gradients of a value that is used twice.
 * @returns the gradient of every target, and of every value between them and the loss.
 */
export function backward(
  g: Graph,
  loss: Tensor,
  seed: Tensor,
  targets: readonly Tensor[],
  sum: (a: Tensor, b: Tensor) => Tensor,
): ReadonlyMap<Tensor, Tensor> {
  const needed = dependents(g, targets);
  const gradients = new Map<Tensor, Tensor>([[loss, seed]]);
  const forward = [...g.nodes];
  for (const node of forward.reverse()) {
    if (!node.inputs.some((t) => needed.has(t))) continue;
    const dys = node.outputs.map((t) => gradients.get(t) ?? null);
    if (dys.every((dy) => dy === null)) continue;
    if (node.op.gradient === "none") {
      throw new ChainruleError(
        "model",
        `${node.op.name} has no gradient, but the loss depends on parameters through it`,
      );
    }
    const dxs = node.op.gradient(g, node, dys);
    node.inputs.forEach((x, i) => {
      const dx = dxs[i];
      if (!dx || !needed.has(x)) return;
      const before = gradients.get(x);
      gradients.set(x, before ? sum(before, dx) : dx);
    });
  }
  const missing = targets.find((t) => !gradients.has(t));
  if (missing) throw new ChainruleError("model", `the loss does not depend on ${missing.name}`);
  return gradients;
}

/** Values that depend on any target, targets included: only these need gradients. */
function dependents(g: Graph, targets: readonly Tensor[]): Set<Tensor> {
  const found = new Set(targets);
  for (const node of g.nodes) {
    if (node.inputs.some((t) => found.has(t))) for (const t of node.outputs) found.add(t);
  }
  return found;
}
