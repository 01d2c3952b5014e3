import type { Graph, Tensor } from "../../graph/graph.ts";
import type { ParameterGroup } from "../../nn/parameters.ts";
import { add } from "../../ops/elementwise/add.ts";
import type { PenaltySpec } from "../../optim/penalty.ts";

/**
 * Adds the penalty of every weight to the loss, and its gradient to the weight's; biases and norms have none. `control` has
 * the scale of the gradients where they are scaled.
 */
export async function penalise(
  g: Graph,
  { l1 = 0, l2 = 0 }: PenaltySpec,
  groups: readonly ParameterGroup[],
  loss: Tensor,
  gradients: Map<Tensor, Tensor>,
  control: Tensor | null,
): Promise<Tensor> {
  const { penalty, penaltyGradient } = await import("../../ops/lazy.ts");
  let total = loss;
  for (const { spec, tensor } of groups.flatMap((group) => group.parameters)) {
    if (spec.role !== "weight") continue;
    const own = g.one(penalty, [tensor], { l1, l2 }, `penalty of ${spec.name}`);
    total = g.one(add, [total, own], null, "loss and penalty");
    const gradient = gradients.get(tensor)!;
    const inputs = [gradient, tensor, ...(control ? [control] : [])];
    gradients.set(tensor, g.one(penaltyGradient, inputs, { l1, l2 }, gradient.name));
  }
  return total;
}
