import { brief } from "../safetensors/header.ts";
import type { Constant } from "./constants.ts";
import type { Dim, Dims } from "./dims.ts";
import type { OnnxNode } from "./graph.ts";

/** What recognise.ts makes of several nodes; `op` is then one of its own. */
export interface GraphNode extends OnnxNode {
  /** As messages name it. */
  readonly where: string;
}

/**
 * A file's graph while it is rewritten: nodes in an order in which each comes behind what it uses, constants and the
 * axes of every value. Nothing in it is a chain; lower.ts alone asks for one.
 */
export interface NetGraph {
  readonly opset: number;
  readonly nodes: readonly GraphNode[];
  readonly constants: ReadonlyMap<string, Constant>;
  readonly dims: ReadonlyMap<string, Dims>;
  /** Lists of sizes that hang on the batch. */
  readonly sizes: ReadonlyMap<string, readonly Dim[]>;
  /** Size of the batch where the file fixes it. */
  readonly batchSize: number | null;
  readonly input: string;
  readonly output: string;
  readonly notes: readonly string[];
}

/** The node as messages name it. */
export function nameOf(node: OnnxNode): string {
  const name = node.name || node.outputs[0] || "";
  return `node ${brief(name)} (${node.op.slice(0, 100)})`;
}

/** Who uses each value that is no constant; a node that uses one twice stands there twice. */
export function consumersOf({ nodes, constants }: Pick<NetGraph, "nodes" | "constants">): Map<string, GraphNode[]> {
  const out = new Map<string, GraphNode[]>();
  for (const node of nodes) {
    for (const name of node.inputs) {
      if (name === "" || constants.has(name)) continue;
      const users = out.get(name);
      if (users) users.push(node);
      else out.set(name, [node]);
    }
  }
  return out;
}

/** The graph without nodes whose values nothing uses. */
export function withoutUnused(graph: NetGraph): NetGraph {
  const used = new Set([graph.output]);
  const kept = [...graph.nodes].reverse().filter((node) => {
    if (!node.outputs.some((name) => used.has(name))) return false;
    for (const name of node.inputs) used.add(name);
    return true;
  });
  return { ...graph, nodes: kept.reverse() };
}
