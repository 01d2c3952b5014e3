import { brief } from "../../core/format.ts";
import type { NdArray } from "../../core/ndarray.ts";
import { type ImportedNet, type ImportOptions, NetParts } from "../net/net-parts.ts";
import { buildWired } from "./build-wired.ts";
import { isObject, type Json, objectOf, refuse } from "./json.ts";
import { type KerasLayer, nameOf } from "./layer.ts";
import { addLayer, READERS } from "./layers.ts";
import { Layout, type RowShape, rowShapeOf } from "./layout.ts";
import { declaredLoss } from "./loss.ts";
import { readGroups, readManifest } from "./manifest.ts";
import { noteSettings } from "./settings.ts";
import { sharedWeights } from "./shared-weights.ts";
import { graphOf, type KerasGraph } from "./topology.ts";
import { type Version, versionOf } from "./version.ts";
import { byName, inOrder, type WeightSource } from "./weights.ts";
import { isWiredClass } from "./wired-layers.ts";

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
  const arrays = readGroups(
    readManifest(json.weightsManifest),
    (path) => files.get(path) ?? refuse(`the file ${brief(path)}, which the model names, is missing`),
  );
  const training = topology.training_config ?? json.trainingConfig;
  return build(model, byName(arrays), training, options, topology.keras_version);
}

/**
 * A net out of Keras: the structure of model.to_json(), and the arrays of model.get_weights() in their order, under any
 * names, as numpy.savez("w.npz", *model.get_weights()) stores them.
 */
export function readKeras(json: Json, arrays: ReadonlyMap<string, NdArray>, options: ImportOptions = {}): ImportedNet {
  return build(json, inOrder(arrays), json.compile_config ?? json.training_config, options);
}

/** The net of a model's structure, its layers' parameters from wherever they are. `said` is the version beside it. */
export function build(
  model: Json,
  weights: WeightSource,
  training: unknown,
  options: ImportOptions,
  said?: unknown,
): ImportedNet {
  const graph = graphOf(model);
  const given = sharedWeights(weights);
  const made = netOf(model, graph, given, training, options, versionOf(model, said));
  const several = [...given.shared].map(
    (name) =>
      `${name} is used several times: each use is a layer here, with weights that begin as the file's and train apart`,
  );
  const read = { ...made, notes: [...made.notes, ...several] };
  const left = weights.left();
  if (left.length === 0) return read;
  const names = left.slice(0, 3).map(brief).join(", ");
  const text = `${left.length} arrays that belong to no layer are left out: ${names}${left.length > 3 ? " and others" : ""}`;
  return { ...read, notes: [...read.notes, text] };
}

/** Whether a model is more than layers one behind the other, each of which a chain of rows can have. */
const isWired = ({ layers, output }: KerasGraph, shape: RowShape | null): boolean =>
  output !== layers.length - 1 ||
  layers.some(({ again }) => again) ||
  layers.some(({ className, sources }, i) => sources.join() !== `${i - 1}` || isWiredClass(className, READERS)) ||
  worksOnPlaces(layers, shape);

/** Layers that work along the last axis alone, whatever stands before it. */
const ALONG_LAST: readonly string[] = ["Dense", "LayerNormalization", "Softmax"];

/** Whether such a layer comes where values have several axes, most of them places. */
function worksOnPlaces(layers: readonly KerasLayer[], shape: RowShape | null): boolean {
  if (shape === null || shape.includes(null)) return false;
  let now: readonly (number | null)[] = shape;
  for (const { className, config } of layers) {
    const target = config.target_shape ?? config.targetShape;
    if (ALONG_LAST.includes(className) && now.length > 1 && now.slice(0, -1).some((d) => d !== 1)) return true;
    if (className === "Dense" || className === "Flatten") now = [null];
    else if (className === "Reshape" && Array.isArray(target)) now = target;
    else if (className === "Permute" && now.length > 1) now = now.map(() => null);
  }
  return false;
}

function netOf(
  model: Json,
  graph: KerasGraph,
  weights: WeightSource,
  training: unknown,
  options: ImportOptions,
  version: Version,
): ImportedNet {
  const { layers, input } = graph;
  const shape = inputShape(model, input ?? layers[0]);
  const lossOf = (note: (text: string) => void) => declaredLoss(training, options.loss, note);
  if (isWired(graph, shape)) return buildWired(graph, shape, weights, version, options, lossOf);
  // A layer normalisation may lack one of its two arrays; a Dense layer without bias claims one.
  const parts = new NetParts("keras", 2 * 4 * weights.size);
  const layout = new Layout();
  layout.shape = shape;
  const net = { parts, weights, layout, version };
  for (const layer of layers) addLayer(layer, net);
  layout.requireInOrder();
  noteSettings(layers, (text) => parts.note(text));
  return parts.finish(
    options,
    lossOf((text) => parts.note(text)),
  );
}

/** The input's shape: the first layer tells, or else the model, as it was built. */
function inputShape(model: Json, first: KerasLayer | undefined): RowShape | null {
  const config = first?.config ?? {};
  const said = config.batch_shape ?? config.batch_input_shape ?? config.batchInputShape;
  const { build_config: built } = model;
  const shape =
    said ?? (isObject(built) ? built.input_shape : isObject(model.config) && model.config.build_input_shape);
  // A Functional model's may be a list of shapes, or have names.
  const plain = Array.isArray(shape) && shape.every((d) => d === null || typeof d === "number");
  return plain || said ? rowShapeOf(shape, first ? nameOf(first) : "the model") : null;
}
