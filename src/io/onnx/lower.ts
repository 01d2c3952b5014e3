import { activationNames } from "../../ops/names.ts";
import type { NetParts } from "../net/net-parts.ts";
import { brief } from "../safetensors/header.ts";
import type { Room } from "./constants.ts";
import { readers } from "./layers.ts";
import { consumersOf, type GraphNode, type NetGraph } from "./net-graph.ts";
import { refuse } from "./protobuf.ts";

/** Lays out a graph as layers one behind the other. The only place where it has to be a chain, of ops known here. */
export function lower(graph: NetGraph, parts: NetParts, room: Room): void {
  const { constants, dims, opset, output } = graph;
  const consumers = consumersOf(graph);
  for (const text of graph.notes) parts.note(text);
  let value = graph.input;
  while (value !== output) {
    const node = onlyUser(value, consumers.get(value) ?? [], output);
    const known = Object.hasOwn(readers, node.op) ? readers[node.op] : undefined;
    const hint = HINTS.get(node.op) ?? UNKNOWN;
    const reader = known ?? refuse(`${node.where} is not known here${hint}`);
    const next = node.outputs[0]!;
    reader(node, { parts, constants, room, opset, value, dims: dims.get(value) ?? null, next: dims.get(next) ?? null });
    value = next;
  }
  const behind = consumers.get(output)?.[0];
  if (behind) refuse(`${behind.where} uses the output ${brief(output)}; only chains are read`);
}

function onlyUser(value: string, users: readonly GraphNode[], output: string): GraphNode {
  const [node, ...others] = users;
  if (!node) return refuse(`nothing uses ${brief(value)}, and it is not the output ${brief(output)}`);
  if (others.every((other) => other === node)) return node;
  const names = users.slice(0, 3).map(({ where }) => where);
  return refuse(
    `${names.join(", ")} use the same value, and together they are no activation known here; only chains are read`,
  );
}

const UNKNOWN = `, nor does it begin an activation that is: ${activationNames.join(", ")}`;
const LABEL =
  ": it picks the label; export the scores alone (skl2onnx: options zipmap False, and only the output of probabilities)";
/** What helps with ops that are no layers. */
export const HINTS: ReadonlyMap<string, string> = new Map([
  ["ArgMax", LABEL],
  ["ai.onnx.ml:ZipMap", LABEL],
  ["ai.onnx.ml:ArrayFeatureExtractor", LABEL],
  ["Transpose", ": it moves axes, and rows of numbers have none to move"],
  ["Cast", ": it makes other numbers of floats, which no layer here does"],
]);
