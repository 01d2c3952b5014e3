import { ChainruleError } from "../../core/errors.ts";
import { type NdArray, zeros } from "../../core/ndarray.ts";
import type { LayerSpec } from "../../nn/layers/spec.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { weightSpecs } from "../../nn/parameter-specs.ts";
import { parseModel } from "../../nn/parse-model.ts";
import { isDense } from "../dense-layers.ts";
import { findJsonFault } from "../json/faults.ts";
import { finishWired } from "../net/finish-wired.ts";
import { type ImportedNet, type ImportOptions, NetParts } from "../net/net-parts.ts";
import { weightsOf } from "../weights/weights.ts";
import { Room } from "./constants.ts";
import { externalFiles } from "./external.ts";
import { type OnnxFile, readModel, tensorsOf, withFiles } from "./graph.ts";
import { lower } from "./lower.ts";
import { isWired, lowerWired } from "./lower-wired.ts";
import { recognise } from "./recognise.ts";
import { DATA_TYPE, isHalf, MODEL_KEY } from "./schema.ts";
import { simplify } from "./simplify.ts";
import { eachValue, type OnnxTensor } from "./tensor.ts";
import { LENGTHS_INPUT, writeOnnx } from "./write.ts";

/** Parameters become f32: half floats grow to twice their size, and nothing else grows. */
const GROWTH = 2;
/** Bytes of the model file in our own metadata, and how deep it is nested: the model, its layers, a layer, a field's lists. */
const MOST_MODEL_BYTES = 2 ** 20;
const MODEL_DEPTH = 5;

/** What nodes may make of constants, besides parameters: statistics of f16 become scale and shift of f64. */
const ROOM = 16;

/** An ONNX file that was read, and the files beside it that hold arrays of it. */
export interface OpenedOnnx {
  readonly files: readonly string[];
  /** The net, given those files by their names. */
  net(files: ReadonlyMap<string, Uint8Array>, options?: ImportOptions): ImportedNet;
}

/**
 * A net out of an ONNX file: dense layers from one input to one output, which is what must be left once constants,
 * shapes and nodes that change nothing are worked out (simplify.ts) and patterns of several ops have become one
 * (recognise.ts). Normalisations by constants become part of the layers beside them. What writeOnnx wrote comes back as
 * the same model, dropout and loss included. Throws ChainruleError "file" naming the node that is not known; nothing is
 * allocated before it is checked.
 */
export function readOnnx(bytes: Uint8Array, options: ImportOptions = {}): ImportedNet {
  return openOnnx(bytes).net(new Map(), options);
}

/** Reads the file itself, which tells which others are needed. */
export function openOnnx(bytes: Uint8Array): OpenedOnnx {
  const file = readModel(bytes);
  return {
    files: externalFiles(tensorsOf(file)),
    net: (files, options = {}) => {
      const own = ownNet(bytes, file);
      if (own && (options.loss ?? own.model.loss) === own.model.loss) return own;
      const size = [...files.values()].reduce((sum, { length }) => sum + length, bytes.length);
      return netOf(withFiles(file, files), size, options);
    },
  };
}

function netOf(file: OnnxFile, size: number, options: ImportOptions): ImportedNet {
  const room = new Room(size * ROOM);
  const graph = recognise(simplify(file, room));
  const own = ownModel(file);
  if (isWired(graph)) {
    const { net, output } = lowerWired(graph, size * GROWTH, room);
    noteTypes(file, net);
    if (own) net.note(OTHER_GRAPH);
    return finishWired(net, output, options, own && { ...own, fromLogits: true });
  }
  const parts = new NetParts("onnx", size * GROWTH);
  lower(graph, parts, room);
  noteTypes(file, parts);
  if (!own) return parts.finish(options, null);
  const declared = { ...own, fromLogits: true };
  if (!sameLayers(own.layers, parts.layers)) {
    parts.note(OTHER_GRAPH);
    return parts.finish(options, declared);
  }
  if (options.loss === undefined || options.loss === own.loss) return parts.named(own);
  return parts.finish(options, declared, own.layers);
}

const OTHER_GRAPH = "the graph is no longer the model that the file's metadata tells of; the graph is taken";

function noteTypes(file: OnnxFile, parts: Pick<NetParts, "note">): void {
  const types = new Set([...tensorsOf(file)].filter(({ dims }) => dims.length >= 2).map(({ type }) => type));
  for (const type of types) {
    if (isHalf(DATA_TYPE[type])) parts.note(`its ${type} weights become f32, each the same number`);
    if (type === "double") parts.note("its float64 weights are rounded to f32");
  }
}

/** The model that writeOnnx put into the metadata; null where there is none that makes sense. */
function ownModel(file: OnnxFile): ModelSpec | null {
  const text = file.metadata.get(MODEL_KEY);
  if (text === undefined || text.length > MOST_MODEL_BYTES || findJsonFault(text, MODEL_DEPTH)) return null;
  try {
    return parseModel(JSON.parse(text));
  } catch (error) {
    if (error instanceof ChainruleError || error instanceof SyntaxError) return null;
    throw error;
  }
}

/**
 * A net of shapes and wiring that writeOnnx wrote: its metadata's model, where that and the file's arrays make the same
 * bytes again, so that the graph computes what the model does. Null for anything else.
 */
function ownNet(bytes: Uint8Array, file: OnnxFile): ImportedNet | null {
  const model = ownModel(file);
  if (!model || isDense(model)) return null;
  const arrays = weightSpecs(model).flatMap(({ name }) => {
    const found = file.initializers.get(name);
    return found?.type === "float" ? [[name, arrayOf(found)] as const] : [];
  });
  try {
    const weights = weightsOf(new Map(arrays), model);
    // No array of its own can be larger than the whole file.
    const lengths = file.inputs.some(({ name }) => name === LENGTHS_INPUT);
    const again = writeOnnx(model, weights, { lengths, mostConstants: bytes.length / 4 });
    const same = again.length === bytes.length && again.every((byte, i) => byte === bytes[i]);
    return same ? { model, weights, notes: [] } : null;
  } catch (error) {
    if (error instanceof ChainruleError) return null;
    throw error;
  }
}

function arrayOf(tensor: OnnxTensor): NdArray {
  const array = zeros(tensor.dims, "f32");
  eachValue(tensor, (value, i) => {
    array.data[i] = value;
  });
  return array;
}

/** Whether a graph of these layers computes what the model does, to f32, in which its attributes are stored. */
function sameLayers(model: readonly LayerSpec[], read: readonly LayerSpec[]): boolean {
  const stored = (layers: readonly LayerSpec[]): string =>
    JSON.stringify(
      layers.filter((l) => l.type !== "dropout"),
      (_, value: unknown) => (typeof value === "number" ? Math.fround(value) : value),
    );
  return stored(model) === stored(read);
}
