import { brief } from "../../core/format.ts";
import { type NdArray, shapeText, zeros } from "../../core/ndarray.ts";
import type { LayerSpec } from "../../nn/layers/spec.ts";
import type { Parts } from "../net/branch.ts";
import { addClip } from "../net/clip.ts";
import { addActivation, functionName } from "./activations.ts";
import { flagOf, isObject, listOf, numberOf, objectOf, refuse, textOf } from "./json.ts";
import { type KerasLayer, nameOf } from "./layer.ts";
import type { Net } from "./net.ts";
import {
  addBatchNorm,
  addLayerNorm,
  addNormalization,
  addRescaling,
  axesOf,
  requireWholeRows,
} from "./normalisations.ts";

/** Slope where a LeakyReLU does not say. */
const LAYER_SLOPE = 0.3;

type Reader = (layer: KerasLayer, net: Net, where: string) => void;

/** Layers that work on each number by itself. */
export const elementwise: Readonly<Record<string, (layer: KerasLayer, parts: Parts, where: string) => void>> = {
  ReLU: relu,
  LeakyReLU: ({ config }, parts, where) => {
    const slope = numberOf(config.negative_slope ?? config.alpha, LAYER_SLOPE, `${where}: its slope`);
    parts.add(leaky(slope), where);
  },
  ELU: ({ config }, parts, where) =>
    parts.add({ type: "elu", alpha: numberOf(config.alpha, 1, `${where}: alpha`) }, where),
  Dropout: ({ config }, parts, where) => {
    if (config.noise_shape) refuse(`${where}: a noise_shape, which no layer here has`);
    parts.add({ type: "dropout", p: numberOf(config.rate, 0.5, `${where}: rate`) }, where);
  },
};

/** What each layer of a chain is here. */
export const READERS: Readonly<Record<string, Reader>> = {
  ...Object.fromEntries(
    Object.entries(elementwise).map(([name, reader]): [string, Reader] => [
      name,
      (layer, { parts }, where) => reader(layer, parts, where),
    ]),
  ),
  Dense: dense,
  Activation: ({ config }, net, where) => activation(config.activation, net, where),
  Softmax: ({ config }, net, where) => softmax(axesOf(config.axis, [-1], where), net, where),
  LayerNormalization: addLayerNorm,
  BatchNormalization: addBatchNorm,
  Normalization: addNormalization,
  Rescaling: addRescaling,
  Flatten: ({ config }, { layout }, where) => {
    const format = config.data_format ?? config.dataFormat ?? "channels_last";
    if (format !== "channels_last" && format !== "channels_first") {
      refuse(`${where}: data_format must be channels_last or channels_first, got ${brief(format)}`);
    }
    layout.flatten(format === "channels_first", where);
  },
  Reshape: ({ config }, { layout }, where) => {
    const target = listOf(config.target_shape ?? config.targetShape, `${where}: target_shape`, 8);
    // What is open in the file is what is left over.
    const sizes = target.map((d) => numberOf(d, -1, `${where}: target_shape`));
    layout.reshape(sizes, where);
  },
  Permute: ({ config }, { layout }, where) => {
    const axes = listOf(config.dims, `${where}: dims`, 8).map((d) => numberOf(d, 0, `${where}: dims`) - 1);
    const wanted = axes.map((_, i) => i).join();
    if ([...axes].sort((a, b) => a - b).join() !== wanted || (layout.shape?.length ?? axes.length) !== axes.length) {
      refuse(`${where}: dims ${brief(config.dims)} are no order of the axes of ${layout.text()}`);
    }
    layout.permute(axes, where);
  },
  Identity: () => {},
};

const KNOWN = Object.keys(READERS).join(", ");

/** Adds what a layer is here to the net. */
export function addLayer(layer: KerasLayer, net: Net): void {
  const { className } = layer;
  const where = nameOf(layer);
  const reader = Object.hasOwn(READERS, className)
    ? READERS[className]!
    : refuse(`${where} is not known here; known are ${KNOWN}`);
  reader(layer, net, where);
}

function dense(layer: KerasLayer, net: Net, where: string): void {
  const { parts, weights, layout } = net;
  const { config } = layer;
  if (layout.shape?.slice(0, -1).some((d) => d !== 1)) {
    refuse(`${where} takes values of shape ${layout.text()}; only rows are known here: put a Flatten before it`);
  }
  const kernel = weights.take(layer, "kernel");
  if (kernel.shape.length !== 2) refuse(`${where}: its kernel must be a matrix, but is ${shapeText(kernel.shape)}`);
  const [inputs, outputs] = kernel.shape as readonly [number, number];
  if (config.units !== outputs)
    refuse(`${where} has ${brief(config.units)} units, but a kernel of ${shapeText(kernel.shape)}`);
  const given = layout.size ?? inputs;
  if (given !== inputs) refuse(`${where}: its kernel takes ${inputs} values, but is given ${given}`);
  parts.claim(inputs * outputs + outputs, where);
  const bias = flagOf(config.use_bias, true, `${where}: use_bias`) ? weights.take(layer, "bias") : null;
  if (bias && (bias.shape.length !== 1 || bias.shape[0] !== outputs)) {
    refuse(`${where}: expected ${outputs} values, got an array of ${shapeText(bias.shape)}`);
  }
  parts.linear(rowsMoved(kernel, layout.order(inputs)), bias, where);
  layout.renew(outputs);
  activation(config.activation, net, where);
}

/** The weights of inputs that lie elsewhere here. */
function rowsMoved(kernel: NdArray, order: Int32Array | null): NdArray {
  if (order === null) return kernel;
  const [inputs, outputs] = kernel.shape as readonly [number, number];
  const out = zeros(kernel.shape, "f32");
  for (let i = 0; i < inputs; i++) {
    out.data.set(kernel.data.subarray(i * outputs, (i + 1) * outputs), order[i]! * outputs);
  }
  return out;
}

function relu({ config }: KerasLayer, parts: Parts, where: string): void {
  const slope = numberOf(config.negative_slope, 0, `${where}: negative_slope`);
  const threshold = numberOf(config.threshold, 0, `${where}: threshold`);
  if (threshold !== 0) {
    refuse(`${where}: threshold ${threshold}, where values leap; here ReLU bends at 0: train with threshold 0`);
  }
  const most =
    config.max_value == null ? Number.POSITIVE_INFINITY : numberOf(config.max_value, 0, `${where}: max_value`);
  // With a slope it is a leaky ReLU that is clipped from above.
  if (slope !== 0) parts.add(leaky(slope), where);
  addClip(parts, [slope === 0 ? 0 : Number.NEGATIVE_INFINITY, most], { where, refuse });
}

function leaky(slope: number): LayerSpec {
  return slope === 0 ? { type: "relu" } : { type: "leakyRelu", slope };
}

function softmax(axes: readonly number[], { parts, layout }: Net, where: string): void {
  requireWholeRows(axes, layout, where);
  parts.add({ type: "softmax" }, where);
}

/** Layers that may stand where an activation's name is expected. */
const INNER: ReadonlySet<string> = new Set(["ReLU", "LeakyReLU", "ELU", "Softmax"]);

/** An activation by its name, or as a layer of its own inside another; null adds nothing. */
function activation(value: unknown, net: Net, where: string): void {
  if (value == null) return;
  if (isObject(value) && typeof value.class_name === "string" && INNER.has(value.class_name)) {
    const { class_name: className } = value;
    const config = objectOf(value.config, `${where}: activation`);
    const name = textOf(config.name ?? className, `${where}: activation`);
    READERS[className]!({ className, name, config, path: [name], stored: [] }, net, where);
    return;
  }
  const name = functionName(value, where);
  if (name === "softmax" || name === "log_softmax") requireWholeRows([-1], net.layout, where);
  addActivation(name, net.parts, where, net.version);
}
