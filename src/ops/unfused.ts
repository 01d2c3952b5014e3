import type { Graph } from "../graph/graph.ts";
import { usesOf } from "./fuse.ts";

/** Why nodes stay as they are that would save much as one with others: a sentence each, of a graph as it was recorded. */
export function unfused(g: Graph): readonly string[] {
  const uses = usesOf(g);
  return g.nodes.flatMap((node) => node.op.unfused?.(node, uses) ?? []);
}
