import { ChainruleError } from "../core/errors.ts";
import { brief } from "../core/format.ts";
import type { Shape } from "../core/ndarray.ts";
import { activationNames } from "../ops/names.ts";
import type { CustomLayer, ParameterRole } from "./custom-layer.ts";
import { type LossName, lossKinds } from "./loss-kinds.ts";

/** One layer of a model file. `in` and `out` are widths; parameters are named as in PyTorch's nn.Sequential. */
export type LayerSpec =
  | { readonly type: "linear"; readonly in: number; readonly out: number; readonly bias: boolean }
  | { readonly type: "layerNorm"; readonly size: number; readonly eps: number }
  | { readonly type: "dropout"; readonly p: number }
  | { readonly type: "softmax" }
  | { readonly type: "leakyRelu"; readonly slope: number }
  | { readonly type: "elu"; readonly alpha: number }
  | { readonly type: "relu" | "relu6" | "selu" | "sigmoid" | "tanh" | "softplus" | "gelu" | "silu" }
  | CustomLayer;

/** A model as plain data: what a model file holds, checked. sequential() and parseModel() make it. */
export interface ModelSpec extends CrossEntropySettings {
  /** One after the other, each as wide as the one before gives. */
  readonly layers: readonly LayerSpec[];
  /** What it is trained on. */
  readonly loss: LossName;
}

/**
 * Settings of crossEntropy, as torch.nn.CrossEntropyLoss has them. They belong to the model, as the loss does: training,
 * evaluation, gradients and their checks all see a model and so have the same loss.
 */
export interface CrossEntropySettings {
  /** A weight for each class; the loss of a batch is then the weighted mean. All 1 where absent. */
  readonly classWeights?: readonly number[];
  /** Share of each target that is spread over all classes alike. */
  readonly labelSmoothing?: number;
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
  readonly role: ParameterRole;
  /** First value of every element; the role says it where this is absent. */
  readonly first?: number;
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
  fields(model, ["layers", "loss", "classWeights", "labelSmoothing", "name", "description"], "model");
  if (!Array.isArray(model.layers) || model.layers.length === 0)
    bad('model: "layers" must be a list of at least one layer');
  const list = model.layers as unknown[];
  if (list.length > MAX_LAYERS) bad(`model: ${list.length} layers, more than ${MAX_LAYERS}`);
  const loss = model.loss;
  if (typeof loss !== "string" || !Object.hasOwn(lossKinds, loss)) {
    bad(`model: unknown loss ${brief(loss)}; known are ${Object.keys(lossKinds).join(", ")}`);
  }
  const layers = list.map(parseLayer);
  const spec: ModelSpec = { layers, loss: loss as LossName, ...crossEntropySettings(model, loss as LossName, layers) };
  if (widths(spec).outputs === 1 && loss === "crossEntropy") {
    bad('model: crossEntropy of one output is always 0: two classes are "bce" of one output, or two outputs');
  }
  if (parameterSpecs(spec).length === 0) bad("model: no layer has parameters, so there is nothing to train");
  return spec;
}

function crossEntropySettings(
  model: Record<string, unknown>,
  loss: LossName,
  layers: readonly LayerSpec[],
): CrossEntropySettings {
  const { classWeights, labelSmoothing } = model;
  const given = classWeights !== undefined ? "classWeights" : labelSmoothing !== undefined ? "labelSmoothing" : null;
  if (given && loss !== "crossEntropy") bad(`model: "${given}" is for the loss crossEntropy, this model has ${loss}`);
  if (labelSmoothing !== undefined) {
    if (typeof labelSmoothing !== "number" || !(labelSmoothing >= 0 && labelSmoothing < 1)) {
      bad(`model: "labelSmoothing" must be at least 0 and below 1, got ${JSON.stringify(labelSmoothing)}`);
    }
  }
  if (classWeights !== undefined) {
    const { outputs } = widths({ layers, loss });
    if (!Array.isArray(classWeights) || classWeights.length !== outputs) {
      const got = Array.isArray(classWeights) ? `${classWeights.length}` : JSON.stringify(classWeights);
      bad(`model: "classWeights" must be a list of ${outputs} numbers, one for each class, got ${got}`);
    }
    const wrong = (classWeights as unknown[]).findIndex((w) => typeof w !== "number" || !(w > 0 && Number.isFinite(w)));
    if (wrong >= 0) {
      const value = JSON.stringify((classWeights as unknown[])[wrong]);
      bad(`model: "classWeights" must be positive numbers, got ${value} for class ${wrong}`);
    }
  }
  return {
    ...(classWeights === undefined ? {} : { classWeights: classWeights as readonly number[] }),
    ...(labelSmoothing === undefined ? {} : { labelSmoothing: labelSmoothing as number }),
  };
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
    case "custom":
      if (typeof layer.build === "function") return layer as unknown as CustomLayer;
      return bad(`${where}: a custom layer is code, which a file cannot hold: put customLayer(...) into the model`);
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
    case "relu6":
    case "selu":
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
  const inputs = model.layers.map(wanted).find((width) => width !== null) ?? 0;
  let width = inputs;
  const at: number[] = [];
  model.layers.forEach((layer, i) => {
    at.push(width);
    const wants = wanted(layer) ?? width;
    if (wants !== width) {
      bad(`layer ${i} (${layerName(layer)}) takes ${wants} values, but the layer before it gives ${width}`);
    }
    if (layer.type === "linear" || (layer.type === "custom" && layer.out !== null)) width = layer.out!;
  });
  return { inputs, outputs: width, at };
}

/** Width that a layer asks for; null where it takes any. */
function wanted(layer: LayerSpec): number | null {
  if (layer.type === "linear" || layer.type === "custom") return layer.in;
  return layer.type === "layerNorm" ? layer.size : null;
}

/** Its type, or the name that a custom layer has. */
export const layerName = (layer: LayerSpec): string => (layer.type === "custom" ? layer.name : layer.type);

/** Throws ChainruleError("model") where there is none at all. */
export function requireModel(model: ModelSpec): void {
  if (Array.isArray(model?.layers)) return;
  bad("a model is needed: sequential([...], { loss }), or an object with layers and a loss");
}

/** The model again, checked and copied, so that what the caller changes later does not reach it. */
export function copyModel(model: ModelSpec): ModelSpec {
  const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value));
  requireModel(model);
  const layers = model.layers.map((layer) => (layer?.type === "custom" ? layer : copy(layer)));
  return parseModel({ ...copy({ ...model, layers: [] }), layers });
}

/** Parameters in the order of the layers. */
export function parameterSpecs(model: ModelSpec): readonly ParameterSpec[] {
  return model.layers.flatMap((layer, i): ParameterSpec[] => {
    const one = (key: string, role: ParameterSpec["role"], ...shape: number[]): ParameterSpec => ({
      name: `${i}.${key}`,
      shape,
      layer: i,
      role,
    });
    if (layer.type === "linear") {
      const weight = one("weight", "weight", layer.in, layer.out);
      return layer.bias ? [weight, one("bias", "bias", layer.out)] : [weight];
    }
    if (layer.type === "layerNorm") return [one("weight", "scale", layer.size), one("bias", "shift", layer.size)];
    if (layer.type === "custom") {
      return Object.entries(layer.parameters).map(([key, p]) => ({ name: `${i}.${key}`, layer: i, ...p }));
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
