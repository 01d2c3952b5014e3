import { INPUT, type Value, WiredNet } from "../net/wired-net.ts";
import { brief } from "../safetensors/header.ts";
import type { Room } from "./constants.ts";
import { type Dims, dimsText, isRows, product as sizeOfDims } from "./dims.ts";
import { readers } from "./layers.ts";
import { HINTS } from "./lower.ts";
import { consumersOf, type GraphNode, type NetGraph } from "./net-graph.ts";
import { refuse } from "./protobuf.ts";
import { wiredReaders } from "./wired-layers.ts";
import { recurrentOps, recurrentStep, type StepLayout } from "./wired-recurrent.ts";

/** Ops that a chain has for rows alone, and a net of any shape for more. */
const OF_ROWS: ReadonlySet<string> = new Set(["MatMul", "Gemm", "LayerNormalization", "Softmax", "LogSoftmax"]);
const JOINING: ReadonlySet<string> = new Set(["Add", "Sub", "Mul", "Div", "Sum"]);

/** Whether a graph is more than a chain of layers between rows of numbers. */
export function isWired(graph: NetGraph): boolean {
  const { nodes, constants, dims } = graph;
  const computed = (node: GraphNode): number =>
    node.inputs.filter((name) => name !== "" && !constants.has(name)).length;
  const more = (node: GraphNode): boolean =>
    (Object.hasOwn(wiredReaders, node.op) && !Object.hasOwn(readers, node.op)) ||
    recurrentOps.includes(node.op) ||
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
  const { constants, dims, opset, input, output } = graph;
  const net = new WiredNet("onnx", maxBytes, inputShape(graph));
  for (const text of graph.notes) net.note(text);
  const values = new Map<string, Value>([[input, INPUT]]);
  const layouts = new Map<string, StepLayout>();
  for (const node of graph.nodes) {
    const hint =
      HINTS.get(node.op) ??
      ": no layer here computes it; export the part of the net before it, or write it with ops that are layers";
    const reader = Object.hasOwn(wiredReaders, node.op) ? wiredReaders[node.op] : undefined;
    if (!reader && !recurrentOps.includes(node.op)) return refuse(`${node.where} is not known here${hint}`);
    const first = node.inputs.find((name) => values.has(name)) ?? refuse(`${node.where} has no input that is computed`);
    const value = values.get(first)!;
    const known = (name: string): Dims => {
      const found = values.get(name);
      return found === undefined ? (dims.get(name) ?? null) : ["batch", ...net.shapeOf(found)];
    };
    const next = node.outputs[0]!;
    const place = {
      constants,
      room,
      opset,
      value: first,
      dims: known(first),
      next: dims.get(next) ?? null,
      wired: true,
    };
    const wired = { ...place, net, x: value, values };
    values.set(next, recurrentStep(node, wired, layouts) ?? reader!(node, wired));
  }
  const end = values.get(output);
  return { net, output: end ?? refuse(`no layer gives the output ${brief(output)}`) };
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
