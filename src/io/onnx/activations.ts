import type { LayerSpec } from "../../nn/layers/spec.ts";
import { addHardSigmoid } from "../net/hard-sigmoid.ts";
import { brief } from "../safetensors/header.ts";
import { scalarOf } from "./constants.ts";
import type { GraphNode } from "./net-graph.ts";
import { constantAt, number, type Reader, requireData } from "./place.ts";
import { refuse } from "./protobuf.ts";

/** A layer that is one of ours under another name. */
const layer =
  (make: (node: GraphNode) => LayerSpec): Reader =>
  (node, place) => {
    requireData(node, place);
    place.parts.add(make(node), node.where);
  };

/** Between two numbers: from 0 up it is relu. Attributes before opset 11, then inputs. */
const clip: Reader = (node, place) => {
  requireData(node, place);
  const bound = (key: string, index: number, fallback: number): number => {
    const constant = constantAt(node, index, place);
    const value = constant ? scalarOf(constant) : number(node, key, fallback);
    return value ?? refuse(`${node.where}: its ${key} must be one number`);
  };
  const [low, high] = [bound("min", 1, Number.NEGATIVE_INFINITY), bound("max", 2, Number.POSITIVE_INFINITY)];
  // The largest f32 is how "no end" is written as an attribute.
  const open = high >= 3.4e38;
  if (low <= -3.4e38 && open) return;
  if (low !== 0 || !(open || high === 6)) {
    refuse(`${node.where}: clips to [${low}, ${high}]; known are from 0 up, which is relu, and from 0 to 6, relu6`);
  }
  place.parts.add({ type: open ? "relu" : "relu6" }, node.where);
};

/** The larger of values and 0. */
const max: Reader = (node, place) => {
  const others = node.inputs.filter((name) => name !== place.value);
  const other = others.length === 1 ? scalarOf(place.constants.get(others[0]!)) : null;
  if (other !== 0) refuse(`${node.where}: only the larger of a value and 0 is known here, which is relu`);
  place.parts.add({ type: "relu" }, node.where);
};

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
  Max: max,
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
