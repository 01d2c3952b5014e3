import { brief } from "../../core/format.ts";
import { type NdArray, ndarray, shapeText } from "../../core/ndarray.ts";
import type { RecurrentSpec } from "../../nn/layers/recurrent-passes.ts";
import type { Value } from "../net/wired-net.ts";
import type { Constant } from "./constants.ts";
import type { GraphNode } from "./net-graph.ts";
import { constantAt, number } from "./place.ts";
import { refuse } from "./protobuf.ts";
import { arrayOf, type WiredPlace } from "./wired-place.ts";

/** Where each gate here stands there: i f g o in i o f c, r z n in z r h. */
const KINDS = {
  LSTM: { type: "lstm", order: [0, 2, 3, 1], usual: ["Sigmoid", "Tanh", "Tanh"] },
  GRU: { type: "gru", order: [1, 0, 2], usual: ["Sigmoid", "Tanh"] },
  RNN: { type: "rnn", order: [0], usual: ["Tanh"] },
} as const;
export const recurrentOps: readonly string[] = Object.keys(KINDS);

/** Refuses what changes the numbers and is no part of a layer here. */
function requirePlain(node: GraphNode, place: WiredPlace, directions: number): "tanh" | "relu" {
  const { where, attributes, op } = node;
  for (const key of ["clip", "activation_alpha", "activation_beta"]) {
    if (attributes.has(key)) refuse(`${where}: its attribute ${key}, which no layer here has`);
  }
  if (number(node, "input_forget", 0) !== 0) refuse(`${where}: input_forget 1: input and forget gate are one`);
  if (number(node, "layout", 0) !== 0)
    refuse(`${where}: layout 1: rows before steps; here as almost everywhere, layout 0`);
  if (op === "GRU" && number(node, "linear_before_reset", 0) !== 1) {
    refuse(
      `${where}: linear_before_reset 0, where the reset gate acts before the product; here it acts behind, as in PyTorch`,
    );
  }
  const lengths = node.inputs[4] ?? "";
  if (lengths !== "") refuse(`${where}: sequence_lens, a length for each row, which a file's net has not here`);
  for (const [index, what] of [
    [5, "initial_h"],
    [6, "initial_c"],
  ] as const) {
    const state = place.constants.get(node.inputs[index] ?? "");
    if ((node.inputs[index] ?? "") !== "" && !(state && isZero(state))) {
      refuse(`${where}: ${what}, a first state, which must be 0 here`);
    }
  }
  if ((node.inputs[7] ?? "") !== "") refuse(`${where}: peepholes, by which gates see the cell; no layer here has them`);
  const { usual } = KINDS[op as keyof typeof KINDS];
  const given = attributes.get("activations");
  const wanted = (names: readonly string[]): string =>
    Array.from({ length: directions }, () => names)
      .flat()
      .join();
  if (given === undefined || given === wanted(usual)) return "tanh";
  if (op === "RNN" && given === wanted(["Relu"])) return "relu";
  return refuse(`${where}: activations ${brief(given)}; here ${usual.join(", ")}${op === "RNN" ? ", or Relu" : ""}`);
}

function isZero(constant: Constant): boolean {
  let zero = true;
  constant.each((value) => {
    zero &&= value === 0;
  });
  return zero;
}

/** One direction's rows of an array [directions, gates out, ...], gates in the order here. */
function part(array: NdArray, from: number, order: readonly number[], shape: readonly number[]): NdArray {
  const size = shape.reduce((a, b) => a * b, 1);
  const stretch = size / order.length;
  const out = new Float32Array(size);
  for (const [k, gate] of order.entries()) {
    out.set(array.data.subarray(from + gate * stretch, from + (gate + 1) * stretch), k * stretch);
  }
  return ndarray(shape, "f32", out);
}

/** The layer that a recurrence is: from steps [t, in] of a row to all its outputs [t, directions out]. */
export function recurrence(node: GraphNode, place: WiredPlace): Value {
  const { net, x } = place;
  const { where } = node;
  const { type, order } = KINDS[node.op as keyof typeof KINDS];
  const shape = net.shapeOf(x);
  const direction = node.attributes.get("direction") ?? "forward";
  if (direction !== "forward" && direction !== "bidirectional") {
    refuse(`${where}: direction ${brief(direction)}; here forward or bidirectional`);
  }
  const directions = direction === "forward" ? 1 : 2;
  const nonlinearity = requirePlain(node, place, directions);
  const [kernel, state, bias] = [1, 2, 3].map((i) => constantAt(node, i, place));
  if (!kernel || !state) return refuse(`${where}: its weights W and R must be constants of the file`);
  const out = state.dims.at(-1) ?? 0;
  const inputs = shape[1]!;
  const width = order.length * out;
  const fits = (c: Constant, dims: readonly number[]): boolean => c.dims.join() === dims.join();
  if (!fits(kernel, [directions, width, inputs]) || !fits(state, [directions, width, out])) {
    refuse(`${where}: W ${shapeText(kernel.dims)} and R ${shapeText(state.dims)} for steps of ${inputs} values`);
  }
  if (bias && !fits(bias, [directions, 2 * width])) refuse(`${where}: a bias B of ${shapeText(bias.dims)}`);
  const [w, r] = [kernel, state].map((c) => arrayOf(c, c.dims, net, where)) as [NdArray, NdArray];
  const b = bias ? arrayOf(bias, bias.dims, net, where) : null;
  const arrays: Record<string, NdArray> = {};
  for (let d = 0; d < directions; d++) {
    const suffix = d === 0 ? "l0" : "l0_reverse";
    arrays[`weight_ih_${suffix}`] = part(w, d * width * inputs, order, [width, inputs]);
    arrays[`weight_hh_${suffix}`] = part(r, d * width * out, order, [width, out]);
    if (!b) continue;
    arrays[`bias_ih_${suffix}`] = part(b, 2 * d * width, order, [width]);
    arrays[`bias_hh_${suffix}`] = part(b, (2 * d + 1) * width, order, [width]);
  }
  const fields = { in: inputs, out, layers: 1, bidirectional: directions === 2, bias: b !== null };
  const spec = { type, ...fields, ...(type === "rnn" ? { nonlinearity } : {}) } as RecurrentSpec;
  return net.add(spec, [x], where, arrays);
}
