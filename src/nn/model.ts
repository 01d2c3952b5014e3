import { ChainruleError } from "../core/errors.ts";
import { brief } from "../core/format.ts";
import type { Shape } from "../core/ndarray.ts";
import { activationNames } from "../ops/names.ts";
import { type LossName, lossKinds } from "./loss-kinds.ts";

/** One layer of a model file. `in` and `out` are widths; parameters are named as in PyTorch's nn.Sequential. */
export type LayerSpec =
  | { readonly type: "linear"; readonly in: number; readonly out: number; readonly bias: boolean }
  | { readonly type: "layerNorm"; readonly size: number; readonly eps: number }
  | { readonly type: "dropout"; readonly p: number }
  | { readonly type: "softmax" }
  | { readonly type: "leakyRelu"; readonly slope: number }
  | { readonly type: "elu"; readonly alpha: number }
  | { readonly type: "relu" | "sigmoid" | "tanh" | "softplus" | "gelu" | "silu" };

/** A model as plain data: what a model file holds, checked. sequential() and parseModel() make it. */
export interface ModelSpec {
  /** One after the other, each as wide as the one before gives. */
  readonly layers: readonly LayerSpec[];
  /** What it is trained on. */
  readonly loss: LossName;
}

/** A parameter of a model: its name in weights files and its shape here, W [in, out]. */
export interface ParameterSpec {
  /** "0.weight": layer and role, as in PyTorch's nn.Sequential. */
  readonly name: string;
  /** A weight's is [in, out], a bias's [out]. */
  readonly shape: Shape;
  /** Index of its layer. */
  readonly layer: number;
  /** What it does there. */
  readonly role: "weight" | "bias" | "scale" | "shift";
}

/** A layer wider than this would overflow the device's 32-bit indices long before it could be trained. */
const MAX_WIDTH = 2 ** 24;
const MAX_LAYERS = 1000;

const bad = (message: string): never => {
  throw new ChainruleError("model", message);
};

/** Reads and checks a model: every field known, every width positive, every layer as wide as the one before. */
export function parseModel(json: unknown): ModelSpec {
  const model = object(json, "a model");
  fields(model, ["layers", "loss", "name", "description"], "model");
  if (!Array.isArray(model.layers) || model.layers.length === 0)
    bad('model: "layers" must be a list of at least one layer');
  const list = model.layers as unknown[];
  if (list.length > MAX_LAYERS) bad(`model: ${list.length} layers, more than ${MAX_LAYERS}`);
  const loss = model.loss;
  if (typeof loss !== "string" || !Object.hasOwn(lossKinds, loss)) {
    bad(`model: unknown loss ${brief(loss)}; known are ${Object.keys(lossKinds).join(", ")}`);
  }
  const spec: ModelSpec = { layers: list.map(parseLayer), loss: loss as LossName };
  widths(spec);
  if (parameterSpecs(spec).length === 0) bad("model: no layer has parameters, so there is nothing to train");
  return spec;
}

function parseLayer(json: unknown, index: number): LayerSpec {
  const where = `layer ${index}`;
  const layer = object(json, where);
  const type = layer.type;
  if (typeof type !== "string") bad(`${where}: "type" is missing`);
  const at = `${where} (${String(type).slice(0, 40)})`;
  const positive = (key: string): number => {
    const value = layer[key];
    if (typeof value !== "number" || !Number.isInteger(value) || value < 1 || value > MAX_WIDTH) {
      bad(`${at}: "${key}" must be a whole number from 1 to ${MAX_WIDTH}, got ${brief(value)}`);
    }
    return value as number;
  };
  const number = (key: string, fallback: number, low: number, high: number): number => {
    const value = layer[key] === undefined ? fallback : layer[key];
    if (typeof value !== "number" || !(value >= low && value < high)) {
      bad(`${at}: "${key}" must be at least ${low} and below ${high}, got ${brief(value)}`);
    }
    return value as number;
  };
  switch (type) {
    case "linear": {
      fields(layer, ["type", "in", "out", "bias"], at);
      if (layer.bias !== undefined && typeof layer.bias !== "boolean") bad(`${at}: "bias" must be true or false`);
      return { type, in: positive("in"), out: positive("out"), bias: layer.bias !== false };
    }
    case "layerNorm":
      fields(layer, ["type", "size", "eps"], at);
      return { type, size: positive("size"), eps: number("eps", 1e-5, 1e-12, 1) };
    case "dropout":
      fields(layer, ["type", "p"], at);
      return { type, p: number("p", 0.5, 0, 1) };
    case "leakyRelu":
      fields(layer, ["type", "slope"], at);
      return { type, slope: number("slope", 0.01, 0, 1) };
    case "elu":
      fields(layer, ["type", "alpha"], at);
      return { type, alpha: number("alpha", 1, 1e-6, 1e6) };
    case "softmax":
    case "relu":
    case "sigmoid":
    case "tanh":
    case "softplus":
    case "gelu":
    case "silu":
      fields(layer, ["type"], at);
      return { type };
    default:
      return bad(`${where}: unknown type ${brief(type)}; known are ${layerTypes.join(", ")}`);
  }
}

export const layerTypes: readonly string[] = ["linear", ...activationNames, "softmax", "dropout", "layerNorm"];

/** Widths at the entrance of each layer and at the end; throws where two layers do not fit together. */
export function widths(model: ModelSpec): {
  readonly inputs: number;
  readonly outputs: number;
  readonly at: readonly number[];
} {
  const first = model.layers.find((l) => l.type === "linear" || l.type === "layerNorm");
  let width = first?.type === "linear" ? first.in : first?.type === "layerNorm" ? first.size : 0;
  const inputs = width;
  const at: number[] = [];
  model.layers.forEach((layer, i) => {
    at.push(width);
    const wants = layer.type === "linear" ? layer.in : layer.type === "layerNorm" ? layer.size : width;
    if (wants !== width) {
      bad(`layer ${i} (${layer.type}) takes ${wants} values, but the layer before it gives ${width}`);
    }
    if (layer.type === "linear") width = layer.out;
  });
  return { inputs, outputs: width, at };
}

/** Parameters in the order of the layers. */
export function parameterSpecs(model: ModelSpec): readonly ParameterSpec[] {
  return model.layers.flatMap((layer, i): ParameterSpec[] => {
    if (layer.type === "linear") {
      const weight: ParameterSpec = { name: `${i}.weight`, shape: [layer.in, layer.out], layer: i, role: "weight" };
      const bias: ParameterSpec = { name: `${i}.bias`, shape: [layer.out], layer: i, role: "bias" };
      return layer.bias ? [weight, bias] : [weight];
    }
    if (layer.type === "layerNorm") {
      return [
        { name: `${i}.weight`, shape: [layer.size], layer: i, role: "scale" },
        { name: `${i}.bias`, shape: [layer.size], layer: i, role: "shift" },
      ];
    }
    return [];
  });
}

function object(json: unknown, what: string): Record<string, unknown> {
  if (typeof json !== "object" || json === null || Array.isArray(json)) bad(`${what} must be a JSON object`);
  return json as Record<string, unknown>;
}

function fields(of: Record<string, unknown>, known: readonly string[], where: string): void {
  const unknown = Object.keys(of).find((key) => !known.includes(key));
  if (unknown !== undefined) bad(`${where}: unknown field ${brief(unknown)}; known are ${known.join(", ")}`);
}
