import { ChainruleError } from "../../core/errors.ts";
import { firstNotFinite, type NdArray, shapeText, sizeOf } from "../../core/ndarray.ts";
import type { LayerSpec } from "../../nn/layers/spec.ts";
import { everyLayerType, parseModel } from "../../nn/parse-model.ts";
import { foldWired } from "./fold-wired.ts";
import type { ImportedNet, ImportOptions } from "./net-parts.ts";
import { type DeclaredLoss, isDiagonal, type NetEnd, resolveLoss } from "./resolve-loss.ts";
import { INPUT, type LayerNode, type Value, type WiredNet } from "./wired-net.ts";

/**
 * The whole net that ends in `output`: what that needs, in the order in which it was added, with the loss that fits its
 * end and what the file says. Layers are called by their places.
 */
export function finishWired(
  net: WiredNet,
  output: Value,
  options: ImportOptions,
  declared: DeclaredLoss | null,
): ImportedNet {
  const { nodes, end } = foldWired(net, output);
  if (end === INPUT) net.refuse("the output is the input: there is nothing to train");
  const live = nodesBehind(nodes, end);
  const place = new Map<Value, number>(live.map((value, i) => [value, i]));
  const layers = live.map((value, i): LayerSpec => {
    const { layer, from } = nodes[value]!;
    const called = from.map((source) => (source === INPUT ? "input" : `${place.get(source)!}`));
    if (everyLayerType(layer.type)!.several) return { ...layer, from: called } as LayerSpec;
    const usual = from[0] === INPUT ? -1 : place.get(from[0]!)!;
    return usual === i - 1 ? layer : ({ ...layer, from: called[0]! } as LayerSpec);
  });
  const shape = nodes[end]!.shape;
  const wish = { asked: options.loss, declared, keepOutputs: options.keepOutputs === true };
  const { loss, drop, settings, notes } = resolveLoss(
    { ...endOf(layers, shape), ...scaled(nodes, end) },
    wish,
    (message) => net.refuse(message),
  );
  const kept = drop ? layers.filter((_, i) => i !== layers.findLastIndex(({ type }) => type !== "dropout")) : layers;
  try {
    const model = parseModel({ input: net.input, layers: kept, loss, ...settings });
    const weights = new Map<string, NdArray>();
    live.forEach((value, i) => {
      for (const [key, array] of Object.entries(nodes[value]!.arrays)) weights.set(`${i}.${key}`, array);
    });
    requireFinite(nodes, live, net);
    return { model, weights, notes: [...net.notes, ...notes] };
  } catch (cause) {
    if (!(cause instanceof ChainruleError) || cause.code === "file") throw cause;
    return net.refuse(cause.message, { cause });
  }
}

function nodesBehind(nodes: readonly LayerNode[], end: Value): readonly Value[] {
  const needed = new Set<Value>([end]);
  for (let value = end; value >= 0; value--) {
    if (needed.has(value)) for (const source of nodes[value]!.from) needed.add(source);
  }
  return nodes.map((_, value) => value).filter((value) => needed.has(value));
}

function endOf(layers: readonly LayerSpec[], shape: readonly number[]): NetEnd {
  const last = layers.findLast(({ type }) => type !== "dropout");
  const type = last?.type ?? "none";
  return {
    type,
    name: `the ${type} at the end`,
    outputs: sizeOf(shape),
    masked: last !== layers.at(-1),
    ...(shape.length > 1 ? { shape: shapeText(shape), alongClasses: alongClasses(last, shape) } : {}),
  };
}

/** Whose values the last layer only multiplies and adds to, if it does. */
function scaled(nodes: readonly LayerNode[], end: Value): Pick<NetEnd, "scales"> {
  const { layer, from, arrays } = nodes[end]!;
  const before = nodes[from[0]!]?.layer.type;
  const only = layer.type === "linear" && before !== undefined && before !== "linear" && isDiagonal(arrays.weight!);
  return only ? { scales: before } : {};
}

/** Steps have their classes last, places theirs first, as crossEntropy takes them. */
function alongClasses(last: LayerSpec | undefined, shape: readonly number[]): boolean {
  if (last?.type !== "softmax" && last?.type !== "logSoftmax") return false;
  return (last.axis ?? shape.length - 1) === (shape.length === 2 ? 1 : 0);
}

function requireFinite(nodes: readonly LayerNode[], live: readonly Value[], net: WiredNet): void {
  for (const value of live) {
    const { arrays, where } = nodes[value]!;
    for (const [key, { data }] of Object.entries(arrays)) {
      const at = firstNotFinite(data);
      if (at >= 0) net.refuse(`${where}: the ${key} holds ${data[at]} at ${at}`);
    }
  }
}
