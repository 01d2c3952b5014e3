import { type NdArray, shapeText, sizeOf, zeros } from "../../core/ndarray.ts";
import type { LayerSpec } from "../../nn/model.ts";
import type { NetParts } from "../net-parts.ts";
import { brief } from "../safetensors-header.ts";
import { flagOf, isObject, numberOf, objectOf, refuse, textOf } from "./json.ts";
import { type KerasLayer, nameOf } from "./topology.ts";

/** Where a layer's parameters come from. They are asked for in the order in which Keras lists them. */
export type Parameters = (layer: string, parameter: "kernel" | "bias" | "gamma" | "beta") => NdArray;

/** Slopes where a model does not say: LeakyReLU the layer, and leaky_relu the name, which came with Keras 3. */
const LAYER_SLOPE = 0.3;
const NAMED_SLOPE = 0.2;
const LAYER_NORM_EPSILON = 1e-3;

/** Adds what a layer is here to the net. */
export function addLayer(layer: KerasLayer, parts: NetParts, parameters: Parameters): void {
  const { className, config, name } = layer;
  const where = nameOf(layer);
  const number = (key: string, fallback: number): number => numberOf(config[key], fallback, `${where}: ${key}`);
  const flag = (key: string, fallback: boolean): boolean => flagOf(config[key], fallback, `${where}: ${key}`);
  switch (className) {
    case "InputLayer":
    case "Flatten":
      break;
    case "Dense": {
      const w = matrix(parameters(name, "kernel"), where);
      const [inputs, outputs] = w.shape as readonly [number, number];
      if (config.units !== outputs)
        refuse(`${where} has ${brief(config.units)} units, but a kernel of ${shapeText(w.shape)}`);
      parts.claim(inputs * outputs + outputs, where);
      parts.linear(w, flag("use_bias", true) ? vector(parameters(name, "bias"), outputs, where) : null, where);
      activation(config.activation, parts, where);
      break;
    }
    case "LayerNormalization":
      layerNorm(layer, parts, parameters);
      break;
    case "Activation":
      activation(config.activation, parts, where);
      break;
    case "Dropout":
      if (config.noise_shape) refuse(`${where}: a noise_shape, which no layer here has`);
      parts.add({ type: "dropout", p: number("rate", 0.5) }, where);
      break;
    case "ReLU": {
      if (config.max_value != null)
        refuse(`${where}: max_value ${brief(config.max_value)}; here ReLU has no upper end`);
      if (number("threshold", 0) !== 0) refuse(`${where}: threshold ${brief(config.threshold)}; here ReLU bends at 0`);
      parts.add(leaky(number("negative_slope", 0)), where);
      break;
    }
    case "LeakyReLU":
      parts.add(leaky(number(config.negative_slope == null ? "alpha" : "negative_slope", LAYER_SLOPE)), where);
      break;
    case "ELU":
      parts.add({ type: "elu", alpha: number("alpha", 1) }, where);
      break;
    case "Softmax":
      if (![-1, 1].includes(number("axis", -1)))
        refuse(`${where}: works along axis ${brief(config.axis)}, not along rows`);
      parts.add({ type: "softmax" }, where);
      break;
    default:
      refuse(`${where} is not known here; known are ${KNOWN}`);
  }
}

const KNOWN = "Dense, Activation, ReLU, LeakyReLU, ELU, Softmax, Dropout, LayerNormalization, Flatten and InputLayer";

function leaky(slope: number): LayerSpec {
  return slope === 0 ? { type: "relu" } : { type: "leakyRelu", slope };
}

function layerNorm(layer: KerasLayer, parts: NetParts, parameters: Parameters): void {
  const { config, name } = layer;
  const where = nameOf(layer);
  const axes: readonly unknown[] = Array.isArray(config.axis) ? config.axis : [config.axis ?? -1];
  if (axes.length !== 1 || (axes[0] !== -1 && axes[0] !== 1))
    refuse(`${where}: works along axis ${brief(config.axis)}, not along rows`);
  if (flagOf(config.rms_scaling, false, `${where}: rms_scaling`))
    refuse(`${where}: rms_scaling, which no layer here has`);
  const gamma = flagOf(config.scale, true, `${where}: scale`) ? parameters(name, "gamma") : null;
  const beta = flagOf(config.center, true, `${where}: center`) ? parameters(name, "beta") : null;
  const size = gamma
    ? sizeOf(gamma.shape)
    : beta
      ? sizeOf(beta.shape)
      : refuse(`${where}: without scale and center its width is not known`);
  parts.claim(2 * size, where);
  const scale = gamma ? vector(gamma, size, where) : { ...zeros([size], "f32"), data: new Float32Array(size).fill(1) };
  const shift = beta ? vector(beta, size, where) : zeros([size], "f32");
  parts.layerNorm(scale, shift, numberOf(config.epsilon, LAYER_NORM_EPSILON, `${where}: epsilon`), where);
}

/** An activation by its name, or as a layer of its own inside another; null and "linear" add nothing. */
function activation(value: unknown, parts: NetParts, where: string): void {
  if (value == null) return;
  const name = isObject(value) ? (value.class_name ?? "") : value;
  if (isObject(value) && typeof name === "string" && LAYERS.has(name)) {
    const config = objectOf(value.config, `${where}: activation`);
    const inner: KerasLayer = { className: name, name: textOf(config.name ?? name, `${where}: activation`), config };
    addLayer(inner, parts, (layer) => refuse(`${where}: the activation ${brief(layer)} has parameters`));
    return;
  }
  // A function is written by its name, which Keras 2 may wrap.
  const text = isObject(value) && (name === "function" || name === "Function") ? value.config : name;
  const key = textOf(text, `${where}: activation`);
  if (key === "linear") return;
  if (key === "log_softmax") {
    parts.addLogSoftmax(where);
    return;
  }
  const layer = Object.hasOwn(activations, key) ? activations[key]! : null;
  const known = Object.keys(activations).join(", ");
  parts.add(layer ?? refuse(`${where}: the activation ${brief(key)} is not known here; known are ${known}`), where);
}

/** Layers that may stand where an activation's name is expected. */
const LAYERS: ReadonlySet<string> = new Set(["ReLU", "LeakyReLU", "ELU", "Softmax"]);

const activations: Readonly<Record<string, LayerSpec>> = {
  relu: { type: "relu" },
  sigmoid: { type: "sigmoid" },
  tanh: { type: "tanh" },
  softplus: { type: "softplus" },
  softmax: { type: "softmax" },
  elu: { type: "elu", alpha: 1 },
  gelu: { type: "gelu" },
  silu: { type: "silu" },
  swish: { type: "silu" },
  leaky_relu: { type: "leakyRelu", slope: NAMED_SLOPE },
};

function matrix(value: NdArray, where: string): NdArray {
  return value.shape.length === 2
    ? value
    : refuse(`${where}: its kernel must be a matrix, but is ${shapeText(value.shape)}`);
}

function vector(value: NdArray, size: number, where: string): NdArray {
  if (value.shape.length === 1 && value.shape[0] === size) return value;
  return refuse(`${where}: expected ${size} values, got an array of ${shapeText(value.shape)}`);
}
