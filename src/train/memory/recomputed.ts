import type { Node } from "../../graph/graph.ts";
import { recompute } from "../../graph/recompute.ts";
import type { TrainingGraph } from "../run/training-graph.ts";

/** A step's nodes, in less memory; loaded only by runs that ask for it. */
export async function recomputed(
  nodes: readonly Node[],
  { graph, losses, groups }: Pick<TrainingGraph, "graph" | "losses" | "groups">,
): Promise<readonly Node[]> {
  const { combine } = await import("../../ops/lazy.ts");
  return recompute(nodes, {
    losses,
    parameters: groups.map((group) => group.flat),
    kept: graph.kept,
    copy(t) {
      const node: Node = { id: -1, op: combine, attrs: { alpha: 1, beta: 0 }, inputs: [t, t], outputs: [] };
      const copied = { ...t, name: `${t.name}, a copy`, node, kind: "computed" as const, initial: null };
      return Object.assign(node, { outputs: [copied] });
    },
  });
}
