import { INPUT, type Value, WiredNet } from "../net/wired-net.ts";
import { brief } from "../safetensors/header.ts";
import type { Room } from "./constants.ts";
import { dimsText, isRows, product as sizeOfDims } from "./dims.ts";
import { readers } from "./layers.ts";
import { consumersOf, type GraphNode, type NetGraph } from "./net-graph.ts";
import { refuse } from "./protobuf.ts";
import { wiredReaders } from "./wired-layers.ts";
import { moves } from "./wired-moves.ts";
import { recurrentOps } from "./wired-recurrent.ts";
import { Walk } from "./wired-walk.ts";

/** Ops that a chain has for rows alone, and a net of any shape for more. */
const OF_ROWS: ReadonlySet<string> = new Set(["MatMul", "Gemm", "LayerNormalization", "Softmax", "LogSoftmax"]);
const JOINING: ReadonlySet<string> = new Set(["Add", "Sub", "Mul", "Div", "Sum", "MatMul", "Max", "Min"]);
const ATTENTION: ReadonlySet<string> = new Set([
  "Attention",
  "com.microsoft:Attention",
  "com.microsoft:MultiHeadAttention",
]);

/** Whether a graph is more than a chain of layers between rows of numbers. */
export function isWired(graph: NetGraph): boolean {
  const { nodes, constants, dims } = graph;
  const computed = (node: GraphNode): number =>
    node.inputs.filter((name) => name !== "" && !constants.has(name)).length;
  const more = (node: GraphNode): boolean =>
    (!Object.hasOwn(readers, node.op) && (Object.hasOwn(wiredReaders, node.op) || Object.hasOwn(moves, node.op))) ||
    recurrentOps.includes(node.op) ||
    ATTENTION.has(node.op) ||
    (JOINING.has(node.op) && computed(node) > 1) ||
    (OF_ROWS.has(node.op) && !isRows(dims.get(node.inputs[0] ?? "") ?? null));
  const forks = [...consumersOf(graph).values()].some((users) => new Set(users).size > 1);
  return forks || nodes.some(more);
}

/** Lays out a graph of any wiring as layers, each of which reads those before it. Gives the value that is its output. */
export function lowerWired(
  graph: NetGraph,
  maxBytes: number,
  room: Room,
): { readonly net: WiredNet; readonly output: Value } {
  const net = new WiredNet("onnx", maxBytes, inputShape(graph));
  for (const text of graph.notes) net.note(text);
  const walk = new Walk(graph, net, room, INPUT);
  for (const node of graph.nodes) walk.step(node);
  return { net, output: walk.end(graph.output) };
}

/** The shape of a row. Where the file leaves it open, a first product's weight tells the width of rows. */
function inputShape(graph: NetGraph): readonly number[] {
  const dims = graph.dims.get(graph.input) ?? null;
  const row = dims?.slice(1) ?? null;
  if (row?.length && sizeOfDims(row) !== null) return row as readonly number[];
  const first = graph.nodes.find(({ inputs }) => inputs[0] === graph.input);
  const weight = graph.constants.get(first?.inputs[1] ?? "");
  if ((row === null || row.length === 1) && first && OF_ROWS.has(first.op) && weight?.dims.length === 2) {
    return [weight.dims[first.attributes.get("transB") ? 1 : 0]!];
  }
  return refuse(
    `the input ${brief(graph.input)} has the shape ${dims ? dimsText(dims) : "of any rank"}; here a net is made for one shape of rows: export it with every size but the batch's fixed`,
  );
}
