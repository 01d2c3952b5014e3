import { cast, type NdArray } from "../../core/ndarray.ts";
import { type ImportedNet, type ImportOptions, NetParts } from "../net-parts.ts";
import { brief } from "../safetensors-header.ts";
import { isObject, type Json, objectOf, refuse } from "./json.ts";
import { addLayer, type Parameters } from "./layers.ts";
import { declaredLoss } from "./loss.ts";
import { readGroups, readManifest } from "./manifest.ts";
import { type KerasLayer, layersOf, nameOf } from "./topology.ts";

/** Whether an object is TensorFlow.js's model.json: a structure with a list of the files that hold its weights. */
export function isTfjs(json: Json): boolean {
  return "weightsManifest" in json || "modelTopology" in json;
}

/** The files that hold the weights of TensorFlow.js's model.json, as it names them. */
export function tfjsFiles(json: Json): readonly string[] {
  return readManifest(json.weightsManifest).flatMap((group) => group.paths);
}

/**
 * A net out of TensorFlow.js's layers model: model.json, and `files` by the names in its manifest. Weights are float32,
 * or quantized to uint8, uint16 or float16.
 */
export function readTfjs(json: Json, files: ReadonlyMap<string, Uint8Array>, options: ImportOptions = {}): ImportedNet {
  if (json.format === "graph-model")
    refuse("a graph model holds ops, not layers; convert it to a layers model, or use ONNX");
  const topology = objectOf(json.modelTopology, "modelTopology");
  const model = isObject(topology.model_config) ? topology.model_config : topology;
  const layers = layersOf(model);
  const groups = readManifest(json.weightsManifest);
  const arrays = readGroups(
    groups,
    (path) => files.get(path) ?? refuse(`the file ${brief(path)}, which the model names, is missing`),
  );
  const training = topology.training_config ?? json.trainingConfig;
  return build(layers, byName(arrays), [...arrays.values()], training, options);
}

/**
 * A net out of Keras: the structure of model.to_json(), and the arrays of model.get_weights() in their order, under any
 * names, as numpy.savez("w.npz", *model.get_weights()) stores them.
 */
export function readKeras(json: Json, arrays: ReadonlyMap<string, NdArray>, options: ImportOptions = {}): ImportedNet {
  const layers = layersOf(json);
  const values = [...arrays].map(([name, array]) => {
    if (array.dtype !== "f32" && array.dtype !== "f64") refuse(`the array ${brief(name)} must hold floats`);
    return cast(array, "f32");
  });
  let next = 0;
  const inOrder: Parameters = (layer, parameter) => {
    const value = values[next++];
    return (
      value ?? refuse(`there are ${values.length} arrays, too few: none is left for ${parameter} of ${brief(layer)}`)
    );
  };
  const net = build(layers, inOrder, values, json.compile_config ?? json.training_config, options);
  if (next < values.length) refuse(`there are ${values.length} arrays, but the model's layers have ${next}`);
  return net;
}

function build(
  layers: readonly KerasLayer[],
  parameters: Parameters,
  arrays: readonly NdArray[],
  training: unknown,
  options: ImportOptions,
): ImportedNet {
  requireRows(layers);
  const bytes = arrays.reduce((sum, { data }) => sum + data.byteLength, 0);
  // A layer normalisation may lack one of its two arrays; a Dense layer without bias claims one.
  const parts = new NetParts("keras", 2 * bytes);
  for (const layer of layers) addLayer(layer, parts, parameters);
  return parts.finish(
    options,
    declaredLoss(training, options.loss, (text) => parts.note(text)),
  );
}

/** Layers on something else than rows do something else: Dense works along the last axis, and so does Softmax. */
function requireRows(layers: readonly KerasLayer[]): void {
  const shape =
    layers[0]?.config.batch_input_shape ?? layers[0]?.config.batch_shape ?? layers[0]?.config.batchInputShape;
  if (!Array.isArray(shape) || shape.length === 2) return;
  const before = new Set(["InputLayer", "Activation", "ReLU", "LeakyReLU", "ELU", "Dropout", "Flatten"]);
  const flat = layers.findIndex((layer) => layer.className === "Flatten");
  const early = layers.find((layer, i) => (flat < 0 || i < flat) && !before.has(layer.className));
  if (early)
    refuse(`${nameOf(early)} takes values of shape ${brief(shape)}; only rows are known here: put a Flatten before it`);
}

/** By the end of a weight's name: "dense_1/kernel", perhaps behind the model's name. */
function byName(arrays: ReadonlyMap<string, NdArray>): Parameters {
  const ends = new Map<string, NdArray | null>();
  for (const [name, array] of arrays) {
    const end = name.split("/").slice(-2).join("/");
    ends.set(end, ends.has(end) ? null : array);
  }
  return (layer, parameter) => {
    const key = `${layer}/${parameter}`;
    const array = arrays.get(key) ?? ends.get(key.split("/").slice(-2).join("/"));
    if (array === null) return refuse(`several weights are named ${brief(key)}`);
    return array ?? refuse(`the weight ${brief(key)} is missing`);
  };
}
