import { shapeText, sizeOf, zeros } from "../../core/ndarray.ts";
import { Branch } from "../net/branch.ts";
import { addLargest } from "../net/largest.ts";
import { INPUT, type Value } from "../net/wired-net.ts";
import { brief } from "../safetensors/header.ts";
import { activationReaders } from "./activations.ts";
import { affineOf } from "./affine-nodes.ts";
import { type Constant, valuesOf } from "./constants.ts";
import { axisOf, dimsText, spread } from "./dims.ts";
import { readers } from "./layers.ts";
import type { GraphNode } from "./net-graph.ts";
import { constantAt, number, type Reader } from "./place.ts";
import { refuse } from "./protobuf.ts";
import { normReaders } from "./wired-norms.ts";
import { arrayOf, data, type WiredPlace, type WiredReader } from "./wired-place.ts";
import { windowReaders } from "./wired-windows.ts";

/** A reader of chains. */
const alone =
  (reader: Reader): WiredReader =>
  (node, place) => {
    const parts = new Branch(place.net, place.x);
    reader(node, { ...place, parts });
    return parts.value;
  };

const softmax: WiredReader = (node, place) => {
  const shape = data(node, place);
  const rank = shape.length + 1;
  const given = number(node, "axis", place.opset < 13 ? 1 : -1);
  const axis = axisOf(given, rank);
  // Before opset 13 all axes from this one on were taken as one.
  if (!axis || (place.opset < 13 && axis !== rank - 1)) {
    return refuse(`${node.where}: works along axis ${given} of ${dimsText(["batch", ...shape])}, which no layer does`);
  }
  const type = node.op === "Softmax" ? "softmax" : "logSoftmax";
  return place.net.add(rank === 2 ? { type } : { type, axis: axis - 1 }, [place.x], node.where);
};

const prelu: WiredReader = (node, place) => {
  const shape = data(node, place);
  const slope = constantAt(node, 1, place) ?? refuse(`${node.where}: it has no slope`);
  const size = sizeOf(slope.dims);
  const at = slope.dims.length - shape.length;
  if (size !== 1 && (size !== shape[0] || slope.dims[at] !== size)) {
    refuse(
      `${node.where}: slopes ${shapeText(slope.dims)} for rows of ${shapeText(shape)}; here one, or one a channel`,
    );
  }
  return place.net.add({ type: "prelu", size }, [place.x], node.where, {
    weight: arrayOf(slope, [size], place.net, node.where),
  });
};

/** All values that a node reads, none of them constant. */
function joined(node: GraphNode, place: WiredPlace): readonly Value[] {
  return node.inputs.map(
    (name) =>
      place.values.get(name) ?? refuse(`${node.where}: its input ${brief(name)} must be a value that the net computes`),
  );
}

const concat: WiredReader = (node, place) => {
  const values = joined(node, place);
  const axis = axisOf(number(node, "axis", 0), place.net.shapeOf(place.x).length + 1);
  if (!axis) return refuse(`${node.where}: joins rows, not what is in them: its axis is the batch's, or none`);
  if (values.length === 1) return values[0]!;
  return place.net.add({ type: "concat", from: [], axis: axis - 1 }, values, node.where);
};

/** Rows of a table by tokens, which the input must be. */
const embedding: WiredReader = (node, place) => {
  const table = constantAt(node, 0, place) ?? refuse(`${node.where}: it has no table`);
  const axis = number(node, "axis", 0);
  if (table.dims.length !== 2 || axis !== 0 || node.inputs[1] === undefined || place.x !== INPUT) {
    return refuse(
      `${node.where}: looks up along axis ${axis} of ${shapeText(table.dims)}; here rows [vocabulary, size] are looked up, by the input's tokens`,
    );
  }
  const [vocabulary, size] = table.dims as readonly [number, number];
  return place.net.add({ type: "embedding", vocabulary, size }, [place.x], node.where, {
    weight: arrayOf(table, table.dims, place.net, node.where),
  });
};

/** The sum of values and a constant that has a number for each place of several axes. */
function added(node: GraphNode, place: WiredPlace, constant: Constant, constantFirst: boolean): Value {
  const { net, x, room } = place;
  const shape = net.shapeOf(x);
  const minus = node.op === "Sub";
  const own = constant.dims.slice(Math.max(0, constant.dims.length - shape.length));
  const values = valuesOf(constant, room, node.where);
  const from = spread(own, shape);
  net.claim(sizeOf(shape), node.where);
  const sign = minus && !constantFirst ? -1 : 1;
  const table = zeros(shape, "f32");
  table.data.forEach((_, i) => {
    table.data[i] = sign * values[from(i)]!;
  });
  const negative = { scale: Float64Array.of(-1), shift: Float64Array.of(0) };
  return net.addTable(minus && constantFirst ? net.affine(x, negative, 0, node.where) : x, table, node.where);
}

/** Sums and products of values, or of a value and a constant of one number, or one a channel or a place of the last axis. */
const arithmetic: WiredReader = (node, place) => {
  const { net, x, constants, room } = place;
  const { where, op } = node;
  const at = node.inputs.findIndex((name) => constants.has(name));
  if (at < 0) {
    const values = joined(node, place);
    if (op === "Sum" && values.length === 1) return values[0]!;
    if (op !== "Sum" && values.length !== 2) refuse(`${where} takes two inputs, has ${values.length}`);
    if (op === "Add" || op === "Sum") return net.combine("add", values, where);
    if (op === "Mul") return net.combine("multiply", values, where);
    const minus = { scale: Float64Array.of(-1), shift: Float64Array.of(0) };
    if (op === "Sub") return net.combine("add", [values[0]!, net.affine(values[1]!, minus, 0, where)], where);
    return refuse(`${where} divides values that the net computes by each other, which no layer does`);
  }
  const constant = constants.get(node.inputs[at]!)!;
  if (node.inputs.length !== 2 || constant.whole)
    return refuse(`${where}: its constant must be floats, one of two inputs`);
  const shape = net.shapeOf(x);
  const size = sizeOf(constant.dims);
  const lead = constant.dims.length - shape.length;
  const along = constant.dims.map((d, i) => (d === 1 ? -1 : i - lead)).filter((axis) => axis >= 0);
  const over = constant.dims.some((d, i) => d !== 1 && i < lead);
  const axis = along[0] ?? 0;
  const adds = op === "Add" || op === "Sum" || op === "Sub";
  const fits = constant.dims.every((d, i) => d === 1 || d === shape[i - lead]);
  if (!over && along.length > 1 && adds && fits) return added(node, place, constant, at === 0);
  if (over || along.length > 1 || (along.length === 1 && shape[axis] !== size)) {
    refuse(
      `${where}: its constant of ${shapeText(constant.dims)} for rows of ${shapeText(shape)}; here one number, or one for each place along one axis`,
    );
  }
  const affine =
    affineOf(op, at === 1, valuesOf(constant, room, where)) ?? refuse(`${where} divides a constant by values`);
  return net.affine(x, affine, axis, where);
};

/** The larger, or smaller, of values that the net computes, or of one of them and numbers. */
const extreme: WiredReader = (node, place) => {
  if (node.inputs.some((name) => place.constants.has(name))) return alone(activationReaders[node.op]!)(node, place);
  return addLargest(place.net, joined(node, place), node.op === "Min", node.where);
};

/** What each op is in a net of any shape and wiring, once patterns of several ops have become one. */
export const wiredReaders: Readonly<Record<string, WiredReader>> = {
  ...Object.fromEntries(Object.entries(activationReaders).map(([op, reader]) => [op, alone(reader)])),
  Max: extreme,
  Min: extreme,
  Gemm: alone(readers.Gemm!),
  MatMul: alone(readers.MatMul!),
  Neg: alone(readers.Neg!),
  Dropout: alone(readers.Dropout!),
  Add: arithmetic,
  Sub: arithmetic,
  Mul: arithmetic,
  Div: arithmetic,
  Sum: arithmetic,
  ...windowReaders,
  ...normReaders,
  Softmax: softmax,
  LogSoftmax: softmax,
  PRelu: prelu,
  Concat: concat,
  Gather: embedding,
};
