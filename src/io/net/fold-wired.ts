import { type NdArray, ndarray, shapeText, sizeOf, zeros } from "../../core/ndarray.ts";
import type { LayerSpec } from "../../nn/layers/spec.ts";
import { type Affine, composed, isIdentity, numberOf } from "./affine.ts";
import { scaledLinear } from "./fold-affine.ts";
import { type AffineNode, INPUT, type LayerNode, type Value, type WiredNet, type WiredNode } from "./wired-net.ts";

/** Values that the weights of all diagonal layers may have: 1 MiB of f32. */
const MOST_DIAGONAL = 2 ** 18;

/** A net of layers alone; values keep their numbers but for those that became part of others. */
export interface Folded {
  readonly nodes: readonly LayerNode[];
  readonly end: Value;
}

/**
 * Each affine step becomes part of the layer right before it, else of the one right behind it, where nothing else reads
 * what lies between; else it is a layer of its own: a convolution of one place by itself for each channel, or a diagonal
 * linear layer. All in f64, rounded once.
 */
export function foldWired(net: WiredNet, output: Value): Folded {
  const given = merged(net.nodes, output);
  const users = usersOf(given, output);
  const needed = (value: Value): boolean => value === output || users.has(value);
  /** What each value is called among `out`. */
  const now = new Map<Value, Value>([[INPUT, INPUT]]);
  const before = new Map<Value, AffineNode>();
  const out: LayerNode[] = [];
  const folded: string[] = [];
  let room = MOST_DIAGONAL;
  given.forEach((node, value) => {
    if (!needed(value)) return;
    const from = node.from.map((source) => now.get(source)!);
    if (node.kind === "layer") {
      const step = before.get(node.from[0]!);
      out.push({ ...(step ? scaledBefore(node, step.affine) : node), from });
      now.set(value, out.length - 1);
      return;
    }
    const [source] = from as [Value];
    const alone = (users.get(node.from[0]!) ?? []).length === 1;
    const maker = out[source];
    const [reader, ...others] = users.get(value) ?? [];
    if (isIdentity(node.affine)) now.set(value, source);
    else if (alone && maker && takesBehind(maker, node)) {
      out[source] = scaledBehind(maker, node.affine, net);
      now.set(value, source);
      folded.push(node.where);
    } else if (others.length === 0 && reader?.kind === "layer" && takesBefore(reader, node)) {
      before.set(value, node);
      now.set(value, source);
      folded.push(node.where);
    } else {
      const layer = ofItsOwn({ ...node, from }, net);
      if (layer.layer.type === "linear") room -= sizeOf(layer.arrays.weight!.shape);
      if (room < 0) net.refuse(`${node.where}: a layer of its own would need too many weights; none stands beside it`);
      out.push(layer);
      now.set(value, out.length - 1);
    }
  });
  if (folded.length > 0) {
    const more = folded.length > 5 ? ` and ${folded.length - 5} more` : "";
    net.note(`folded into the layers beside: ${folded.slice(0, 5).join(", ")}${more}`);
  }
  return { nodes: out, end: now.get(output)! };
}

/** Steps that follow each other alone, along one axis, become one. What is left of the first is read by nothing. */
function merged(nodes: readonly WiredNode[], output: Value): readonly WiredNode[] {
  const users = usersOf(nodes, output);
  const out: WiredNode[] = [];
  nodes.forEach((node, value) => {
    const first = node.kind === "affine" ? out[node.from[0]!] : undefined;
    const same = node.kind === "affine" && first?.kind === "affine" && (first.axis === node.axis || isOne(first, node));
    if (same && (users.get(node.from[0]!) ?? []).length === 1) {
      const axis = widthOfStep(node) > 1 ? node.axis : first.axis;
      out[value] = { ...node, axis, affine: composed(first.affine, node.affine), from: first.from };
      return;
    }
    out[value] = node;
  });
  return out;
}

const widthOfStep = ({ affine }: AffineNode): number => Math.max(affine.scale.length, affine.shift.length);
const isOne = (...steps: readonly AffineNode[]): boolean => steps.some((step) => widthOfStep(step) === 1);

/** Who reads each value, of those that lead to the output. */
function usersOf(nodes: readonly WiredNode[], output: Value): Map<Value, WiredNode[]> {
  const users = new Map<Value, WiredNode[]>();
  const needed = new Set<Value>([output]);
  for (let value = nodes.length - 1; value >= 0; value--) {
    if (!needed.has(value)) continue;
    for (const source of nodes[value]!.from) {
      needed.add(source);
      const list = users.get(source);
      if (list) list.push(nodes[value]!);
      else users.set(source, [nodes[value]!]);
    }
  }
  return users;
}

const CONVOLUTIONS: readonly string[] = ["conv1d", "conv2d", "convTranspose1d", "convTranspose2d"];
const NORMS: readonly string[] = ["batchNorm", "groupNorm", "instanceNorm"];

function takesBehind({ layer, arrays, shape }: LayerNode, step: AffineNode): boolean {
  const last = shape.length - 1;
  if (layer.type === "linear" || layer.type === "layerNorm") {
    return arrays.weight!.shape.length <= 2 && (step.axis === last || isOne(step));
  }
  const channels = CONVOLUTIONS.includes(layer.type) || (NORMS.includes(layer.type) && arrays.weight !== undefined);
  return channels && (step.axis === 0 || isOne(step));
}

/** A convolution pads with zeros, which a shift would not have moved. */
function takesBefore({ layer }: LayerNode, step: AffineNode): boolean {
  const last = step.shape.length - 1;
  if (layer.type === "linear") return step.axis === last || isOne(step);
  if (layer.type !== "conv1d" && layer.type !== "conv2d") return false;
  const bare = Array.isArray(layer.padding) ? layer.padding.every((p) => p === 0) : layer.padding === 0;
  return (step.axis === 0 || isOne(step)) && (bare || step.affine.shift.every((v) => v === 0));
}

const asLinear = ({ arrays, where }: LayerNode, before: Affine, after: Affine): LayerNode["arrays"] => {
  const { w, b } = scaledLinear({ kind: "linear", w: arrays.weight!, b: arrays.bias ?? null, where }, before, after);
  return { weight: w, ...(b ? { bias: b } : {}) };
};
const SAME: Affine = { scale: Float64Array.of(1), shift: Float64Array.of(0) };
const withBias = (layer: LayerSpec, arrays: LayerNode["arrays"]): LayerSpec =>
  "bias" in layer ? ({ ...layer, bias: arrays.bias !== undefined } as LayerSpec) : layer;

function scaledBehind(node: LayerNode, affine: Affine, net: WiredNet): LayerNode {
  const { layer, arrays } = node;
  if (layer.type === "linear") {
    const made = asLinear(node, SAME, affine);
    return { ...node, layer: withBias(layer, made), arrays: made };
  }
  const weight = arrays.weight!;
  // A norm's parameters, or a convolution's by the channel that each of its numbers goes into.
  const out = "out" in layer ? (layer.out as number) : sizeOf(weight.shape);
  const channel = channelOf(layer, weight);
  net.claim(out, node.where);
  const scaled = mapped(weight, (v, i) => v * numberOf(affine.scale, channel(i)));
  const bias = ndarray(
    arrays.bias?.shape ?? [out],
    "f32",
    Float64Array.from({ length: out }, (_, c) => {
      return (arrays.bias?.data[c] ?? 0) * numberOf(affine.scale, c) + numberOf(affine.shift, c);
    }),
  );
  const made = { ...arrays, weight: scaled, bias };
  return { ...node, layer: withBias(layer, made), arrays: made };
}

/** The channel of what a layer gives that number i of its weight goes into. */
function channelOf(layer: LayerSpec, { shape }: NdArray): (i: number) => number {
  if (!("out" in layer) || !("groups" in layer)) return (i) => i;
  const [first, second] = shape as readonly [number, number];
  const taps = sizeOf(shape) / (first * second);
  if (!layer.type.startsWith("convTranspose")) return (i) => Math.floor(i / (taps * second));
  const perGroup = first / layer.groups;
  return (i) => {
    const input = Math.floor(i / (taps * second));
    return Math.floor(input / perGroup) * second + (Math.floor(i / taps) % second);
  };
}

function scaledBefore(node: LayerNode, affine: Affine): LayerNode {
  const { layer, arrays } = node;
  if (layer.type === "linear") {
    const made = asLinear(node, affine, SAME);
    return { ...node, layer: withBias(layer, made), arrays: made };
  }
  if (layer.type !== "conv1d" && layer.type !== "conv2d") return node;
  const weight = arrays.weight!;
  const [out, perGroup] = weight.shape as readonly [number, number];
  const taps = sizeOf(weight.shape) / (out * perGroup);
  const input = (i: number): number => {
    const group = Math.floor(Math.floor(i / (taps * perGroup)) / (out / layer.groups));
    return group * perGroup + (Math.floor(i / taps) % perGroup);
  };
  const bias = Float64Array.from({ length: out }, (_, c) => arrays.bias?.data[c] ?? 0);
  weight.data.forEach((v, i) => {
    bias[Math.floor(i / (taps * perGroup))]! += v * numberOf(affine.shift, input(i));
  });
  const needed = arrays.bias || bias.some((v) => v !== 0);
  const made = {
    ...arrays,
    weight: mapped(weight, (v, i) => v * numberOf(affine.scale, input(i))),
    ...(needed ? { bias: ndarray([out], "f32", bias) } : {}),
  };
  return { ...node, layer: withBias(layer, made), arrays: made };
}

const mapped = (array: NdArray, of: (v: number, i: number) => number): NdArray =>
  ndarray(array.shape, "f32", Float64Array.from(array.data, of));

/** The step as a layer, which trains like any other. */
function ofItsOwn({ affine, axis, shape, where, from }: AffineNode, net: WiredNet): LayerNode {
  const rank = shape.length;
  const step = (values: Float64Array, size: number): Float64Array =>
    Float64Array.from({ length: size }, (_, i) => numberOf(values, i));
  const one = widthOfStep({ affine } as AffineNode) === 1;
  if ((rank === 2 || rank === 3) && (axis === 0 || one)) {
    const channels = shape[0]!;
    net.claim(2 * channels, where);
    const ones = rank === 2 ? [1] : [1, 1];
    const layer = {
      type: rank === 2 ? "conv1d" : "conv2d",
      ...{ in: channels, out: channels, kernel: 1, stride: 1, padding: 0, dilation: 1, groups: channels, bias: true },
    } as LayerSpec;
    net.note(`${where} has become a convolution of one place: none stands beside it to fold it into`);
    const weight = ndarray([channels, 1, ...ones], "f32", step(affine.scale, channels));
    const arrays = { weight, bias: ndarray([channels], "f32", step(affine.shift, channels)) };
    return { kind: "layer", layer, arrays, from, shape, where };
  }
  if (axis !== rank - 1 && !one) {
    return net.refuse(
      `${where}: multiplies or adds along axis ${axis + 1} of ${shapeText(shape)}, which no layer does`,
    );
  }
  const size = shape[rank - 1]!;
  if (size * size > MOST_DIAGONAL) net.refuse(`${where}: a layer of its own would need ${size} x ${size} weights`);
  net.claim(size * size + size, where);
  net.note(`${where} has become a linear layer of ${size} x ${size}: none stands beside it to fold it into`);
  const weight = zeros([size, size], "f32");
  for (let i = 0; i < size; i++) weight.data[i * size + i] = numberOf(affine.scale, i);
  const arrays = { weight, bias: ndarray([size], "f32", step(affine.shift, size)) };
  return { kind: "layer", layer: { type: "linear", in: size, out: size, bias: true }, arrays, from, shape, where };
}
