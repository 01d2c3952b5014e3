import type { LayerSpec } from "../../nn/layers/spec.ts";
import { addCelu, addClip } from "../net/clip.ts";
import { addHardSigmoid } from "../net/hard-sigmoid.ts";
import { brief } from "../safetensors/header.ts";
import { scalarOf } from "./constants.ts";
import { rowSize } from "./dims.ts";
import type { GraphNode } from "./net-graph.ts";
import { constantAt, number, type Place, type Reader, requireData } from "./place.ts";
import { refuse } from "./protobuf.ts";

/** A layer that is one of ours under another name. */
const layer =
  (make: (node: GraphNode) => LayerSpec): Reader =>
  (node, place) => {
    requireData(node, place);
    place.parts.add(make(node), node.where);
  };

/** Adds what clips values to what lies between two numbers. */
const clipped = (node: GraphNode, place: Place, low: number, high: number): void =>
  addClip(place.parts, [low, high], { where: node.where, refuse, width: rowSize(place.dims) });

/** Between two numbers: attributes before opset 11, then inputs. */
const clip: Reader = (node, place) => {
  requireData(node, place);
  const bound = (key: string, index: number, fallback: number): number => {
    const constant = constantAt(node, index, place);
    const value = constant ? scalarOf(constant) : number(node, key, fallback);
    // The largest f32 is how "no end" is written as an attribute.
    if (value !== null && Math.abs(value) >= 3.4e38) return value * Number.POSITIVE_INFINITY;
    return value ?? refuse(`${node.where}: its ${key} must be one number`);
  };
  clipped(node, place, bound("min", 1, Number.NEGATIVE_INFINITY), bound("max", 2, Number.POSITIVE_INFINITY));
};

/** The larger, or smaller, of values and numbers; of several values that the net computes, more than a chain has. */
const extreme: Reader = (node, place) => {
  const others = node.inputs.filter((name) => name !== place.value);
  const numbers = others.map(
    (name) =>
      scalarOf(place.constants.get(name)) ??
      refuse(
        `${node.where}: its input ${brief(name)} must be one number, or a value of the net as large as the others`,
      ),
  );
  if (node.op === "Max") clipped(node, place, Math.max(...numbers), Number.POSITIVE_INFINITY);
  else clipped(node, place, Number.NEGATIVE_INFINITY, Math.min(...numbers));
};

const celu: Reader = (node, place) => {
  requireData(node, place);
  addCelu(place.parts, number(node, "alpha", 1), { where: node.where, refuse, width: rowSize(place.dims) });
};

/** Whatever its name, it has no counterpart: `instead` says what to train with. */
const missing =
  (instead: string): Reader =>
  (node) =>
    refuse(`${node.where}: no layer here computes it; ${instead}`);

const gelu = (node: GraphNode): LayerSpec => {
  const approximate = node.attributes.get("approximate") ?? "none";
  if (approximate === "tanh") return { type: "geluTanh" };
  if (approximate !== "none") refuse(`${node.where}: the approximation ${brief(approximate)}; known are none and tanh`);
  return { type: "gelu" };
};

/** Between 0 and 1, alpha x + beta: where the two are not PyTorch's, x is scaled before. */
const hardSigmoid: Reader = (node, place) => {
  requireData(node, place);
  addHardSigmoid(place.parts, number(node, "alpha", 0.2), number(node, "beta", 0.5), node.where);
};

const swish = (node: GraphNode): LayerSpec => {
  if (number(node, "alpha", 1) !== 1) refuse(`${node.where}: its alpha must be 1, which is SiLU`);
  return { type: "silu" };
};

const selu = (node: GraphNode): LayerSpec => {
  const near = (key: string, usual: number): boolean => Math.abs(number(node, key, usual) - usual) < 1e-5;
  if (!near("alpha", 1.6732632) || !near("gamma", 1.050701))
    refuse(`${node.where}: alpha and gamma are not SELU's own`);
  return { type: "selu" };
};

/** The ops that are an activation here. */
export const activationReaders: Readonly<Record<string, Reader>> = {
  Clip: clip,
  Max: extreme,
  Min: extreme,
  Celu: celu,
  Softsign: missing("tanh bends alike: train with it, and export again"),
  Selu: layer(selu),
  Relu: layer(() => ({ type: "relu" })),
  Sigmoid: layer(() => ({ type: "sigmoid" })),
  Tanh: layer(() => ({ type: "tanh" })),
  Softplus: layer(() => ({ type: "softplus" })),
  Gelu: layer(gelu),
  "com.microsoft:FastGelu": layer(() => ({ type: "geluTanh" })),
  Mish: layer(() => ({ type: "mish" })),
  HardSwish: layer(() => ({ type: "hardSwish" })),
  HardSigmoid: hardSigmoid,
  Swish: layer(swish),
  LeakyRelu: layer((node) => ({ type: "leakyRelu", slope: number(node, "alpha", 0.01) })),
  Elu: layer((node) => ({ type: "elu", alpha: number(node, "alpha", 1) })),
};
