import { type FoundActivation, findActivation } from "./expression.ts";
import { findGroupNorm } from "./group-norm.ts";
import { findLayerNorm } from "./layer-norm.ts";
import { consumersOf, type GraphNode, type NetGraph, nameOf } from "./net-graph.ts";
import { findRmsNorm } from "./rms-norm.ts";
import { findRotary, ROTARY } from "./rotary.ts";

/** Several nodes, and the one that stands for them. It gives the value that the last of them gave. */
interface Found {
  readonly nodes: readonly GraphNode[];
  readonly node: GraphNode;
}
type Users = ReadonlyMap<string, readonly GraphNode[]>;
/** Looks for a pattern that begins at a value, which `maker` gives unless it is the graph's input. */
type Find = (start: string, users: Users, graph: NetGraph, maker: GraphNode | null) => Found | null;

/** ONNX's own op for each activation. */
const OPS = {
  relu: "Relu",
  sigmoid: "Sigmoid",
  tanh: "Tanh",
  softplus: "Softplus",
  gelu: "Gelu",
  silu: "Swish",
  hardSwish: "HardSwish",
  hardSigmoid: "HardSigmoid",
  mish: "Mish",
  geluTanh: "Gelu",
} as const satisfies Record<FoundActivation["type"], string>;

/** The graph with patterns that exporters write as several nodes replaced by the one op that ONNX has for each. */
export function recognise(graph: NetGraph): NetGraph {
  return [biasedProduct, layerNorm, rmsNorm, groupNorm, rotary, activation].reduce(replaced, graph);
}

function replaced(graph: NetGraph, find: Find): NetGraph {
  const users = consumersOf(graph);
  const gone = new Set<GraphNode>();
  const instead = new Map<GraphNode, GraphNode>();
  const look = (start: string, maker: GraphNode | null): void => {
    const found = find(start, users, graph, maker);
    if (!found || found.nodes.some((node) => gone.has(node))) return;
    for (const node of found.nodes) gone.add(node);
    instead.set(found.nodes.find(({ outputs }) => outputs[0] === found.node.outputs[0])!, found.node);
  };
  look(graph.input, null);
  // A value within what was replaced begins nothing.
  for (const node of graph.nodes) if (!gone.has(node) || instead.has(node)) look(node.outputs[0]!, node);
  return {
    ...graph,
    nodes: graph.nodes.flatMap((node) => instead.get(node) ?? (gone.has(node) ? [] : [node])),
  };
}

/** MatMul or Gemm, and the Add of a constant right behind it. */
const biasedProduct: Find = (start, users, { constants, output }, product) => {
  if (product?.op !== "MatMul" && !(product?.op === "Gemm" && !product.inputs[2])) return null;
  const [add, ...others] = users.get(start) ?? [];
  const weight = product.inputs[1];
  if (!add || others.length > 0 || add.op !== "Add" || add.inputs.length !== 2 || start === output) return null;
  const bias = add.inputs[add.inputs[0] === start ? 1 : 0]!;
  if (!constants.has(bias) || !constants.has(weight ?? "")) return null;
  const attributes = new Map(product.attributes).set("beta", 1);
  const inputs = [product.inputs[0]!, weight!, bias];
  return { nodes: [product, add], node: { ...product, op: "Gemm", inputs, outputs: [add.outputs[0]!], attributes } };
};

const layerNorm: Find = (start, users, { constants, dims }) => {
  const found = findLayerNorm(start, users, constants, dims.get(start) ?? null);
  if (!found) return null;
  const { nodes, scale, shift, eps, output } = found;
  const attributes = new Map([["axis", -1] as const, ["epsilon", eps] as const]);
  return { nodes, node: made("LayerNormalization", [start, scale ?? "", shift ?? ""], output, nodes, attributes) };
};

const rmsNorm: Find = (start, users, { constants, dims }) => {
  const found = findRmsNorm(start, users, constants, dims.get(start) ?? null);
  if (!found) return null;
  const { nodes, scale, eps, output } = found;
  const attributes = new Map([["axis", -1] as const, ["epsilon", eps] as const]);
  return { nodes, node: made("RMSNormalization", [start, scale ?? ""], output, nodes, attributes) };
};

const rotary: Find = (start, users, { constants, dims }) => {
  const found = findRotary(start, users, constants, dims);
  if (!found) return null;
  const { nodes, cos, sin, output } = found;
  return { nodes, node: made(ROTARY, [start, cos, sin], output, nodes) };
};

const activation: Find = (start, users, { constants, output }) => {
  const found = findActivation(start, users, constants, output);
  if (!found) return null;
  const { type, nodes } = found;
  const numbers: GraphNode["attributes"] = new Map(type === "hardSigmoid" ? HARD_SIGMOID : []);
  const attributes = type === "geluTanh" ? new Map([["approximate", "tanh"]]) : numbers;
  return { nodes, node: made(OPS[type], [start], found.output, nodes, attributes) };
};

const HARD_SIGMOID = [
  ["alpha", 1 / 6],
  ["beta", 0.5],
] as const;

const groupNorm: Find = (start, users, { constants, dims, output }) => {
  const found = findGroupNorm(start, users, constants, dims, output);
  if (!found) return null;
  const { nodes, groups, scale, shift, eps } = found;
  const attributes = new Map([["num_groups", groups] as const, ["epsilon", eps] as const]);
  return {
    nodes,
    node: made("GroupNormalization", [start, scale ?? "", shift ?? ""], found.output, nodes, attributes),
  };
};

/** Named as the last of the nodes that it stands for. */
function made(
  op: string,
  inputs: readonly string[],
  output: string,
  nodes: readonly GraphNode[],
  attributes: GraphNode["attributes"] = new Map(),
): GraphNode {
  const last = nodes.find(({ outputs }) => outputs[0] === output)!;
  return { op, name: last.name, inputs, outputs: [output], attributes, where: nameOf(last) };
}
