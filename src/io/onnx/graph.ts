import { requireBytes } from "../../core/arguments.ts";
import { brief } from "../safetensors/header.ts";
import { type Attribute, isTensor, readAttribute } from "./attributes.ts";
import { locate } from "./external.ts";
import { fields, inside, refuse, text } from "./protobuf.ts";
import { DIMENSION, ENTRY, GRAPH, MODEL, NODE, OPSET, SHAPE, TENSOR_TYPE, TYPE, VALUE_INFO } from "./schema.ts";
import { type OnnxTensor, readTensor } from "./tensor.ts";

export interface OnnxNode {
  readonly op: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
}

/** A value that the graph takes or gives: name, type and dimensions as far as they are known, the first the batch. */
export interface OnnxValue {
  readonly name: string;
  readonly elementType: number;
  readonly dims: readonly (number | null)[] | null;
}

export interface OnnxFile {
  /** Of ONNX's own ops. */
  readonly opset: number;
  readonly producer: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: ReadonlyMap<string, OnnxTensor>;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly metadata: ReadonlyMap<string, string>;
}

/** The largest message of protocol buffers. */
const MOST_BYTES = 2 ** 31 - 1;
/** A net here has at most 1,000 layers; none takes more than six ops and as many constants. */
const MOST_NODES = 10_000;
/** Nodes and initializers, and for each value a note of its type. */
const MOST_FIELDS = 5 * MOST_NODES;
const MOST_PER_NODE = 32;
const MOST_METADATA = 1000;
const MOST_DIMENSIONS = 8;
/** The formats whose ops mean what they mean here: attributes that became inputs, Softmax over one axis or all. */
const OPSETS = [7, 30] as const;

/** Reads a ModelProto. Nothing is copied but names and small numbers; tensors stay views of the file. */
export function readModel(bytes: Uint8Array): OnnxFile {
  requireBytes("onnx", bytes);
  if (bytes.length > MOST_BYTES)
    refuse(`the file has ${bytes.length} bytes, more than the ${MOST_BYTES} that the format allows`);
  let graph: Uint8Array | null = null;
  let opset = 0;
  let producer = "";
  const metadata = new Map<string, string>();
  for (const field of fields(bytes, "the file", MOST_FIELDS)) {
    if (field.number === MODEL.graph) graph = inside(field, "the graph");
    else if (field.number === MODEL.producerName) producer = text(field, "the producer's name");
    else if (field.number === MODEL.opsetImport) {
      const { domain, version } = readOpset(inside(field, "the opset"));
      if (isOnnx(domain)) opset = version;
    } else if (field.number === MODEL.metadataProps) {
      if (metadata.size >= MOST_METADATA) refuse(`more than ${MOST_METADATA} entries of metadata`);
      metadata.set(...readEntry(inside(field, "the metadata")));
    }
  }
  if (!graph) return refuse("the file holds no graph; it may be no ONNX file at all");
  if (!(opset >= OPSETS[0] && opset <= OPSETS[1])) {
    refuse(`the file uses opset ${opset}; read are ${OPSETS[0]} to ${OPSETS[1]}`);
  }
  return { opset, producer, metadata, ...readGraph(graph) };
}

/** All tensors of a file. */
export function* tensorsOf({ initializers, nodes }: OnnxFile): Generator<OnnxTensor> {
  yield* initializers.values();
  for (const { attributes } of nodes) for (const value of attributes.values()) if (isTensor(value)) yield value;
}

/** The file with the values that lie in others, by the names that it has for them. */
export function withFiles(file: OnnxFile, files: ReadonlyMap<string, Uint8Array>): OnnxFile {
  const inside = (value: Attribute): Attribute => (isTensor(value) ? locate(value, files) : value);
  return {
    ...file,
    initializers: new Map([...file.initializers].map(([name, tensor]) => [name, locate(tensor, files)])),
    nodes: file.nodes.map((node) => ({
      ...node,
      attributes: new Map([...node.attributes].map(([key, value]) => [key, inside(value)])),
    })),
  };
}

export const isOnnx = (domain: string): boolean => domain === "" || domain === "ai.onnx";

function readGraph(message: Uint8Array): Pick<OnnxFile, "nodes" | "initializers" | "inputs" | "outputs"> {
  const nodes: OnnxNode[] = [];
  const initializers = new Map<string, OnnxTensor>();
  const inputs: OnnxValue[] = [];
  const outputs: OnnxValue[] = [];
  const room = (list: { readonly length: number }, what: string): void => {
    if (list.length >= MOST_NODES) refuse(`more than ${MOST_NODES} ${what}`);
  };
  for (const field of fields(message, "the graph", MOST_FIELDS)) {
    switch (field.number) {
      case GRAPH.node:
        room(nodes, "nodes");
        nodes.push(readNode(inside(field, "a node"), nodes.length));
        break;
      case GRAPH.initializer: {
        room({ length: initializers.size }, "initializers");
        const tensor = readTensor(inside(field, "an initializer"), "initializer");
        if (initializers.has(tensor.name)) refuse(`the initializer ${brief(tensor.name)} occurs twice`);
        initializers.set(tensor.name, tensor);
        break;
      }
      case GRAPH.sparseInitializer:
        return refuse("the graph has sparse initializers, which are not read");
      case GRAPH.input:
        room(inputs, "inputs");
        inputs.push(readValue(inside(field, "an input")));
        break;
      case GRAPH.output:
        room(outputs, "outputs");
        outputs.push(readValue(inside(field, "an output")));
        break;
    }
  }
  return { nodes, initializers, inputs, outputs };
}

function readNode(message: Uint8Array, index: number): OnnxNode {
  let op = "";
  let name = "";
  let domain = "";
  const inputs: string[] = [];
  const outputs: string[] = [];
  const raw: Uint8Array[] = [];
  const where = `node ${index}`;
  for (const field of fields(message, where)) {
    if (field.number === NODE.opType) op = text(field, where);
    else if (field.number === NODE.name) name = text(field, where);
    else if (field.number === NODE.domain) domain = text(field, where);
    else if (field.number === NODE.input) inputs.push(text(field, where));
    else if (field.number === NODE.output) outputs.push(text(field, where));
    else if (field.number === NODE.attribute) raw.push(inside(field, where));
    if (Math.max(inputs.length, outputs.length, raw.length) > MOST_PER_NODE) {
      refuse(`${where}: more than ${MOST_PER_NODE} inputs, outputs or attributes`);
    }
  }
  const at = `${where} (${brief(op)})`;
  const attributes = new Map(raw.map((attribute) => readAttribute(attribute, at)));
  return { op: isOnnx(domain) ? op : `${domain}:${op}`, name, inputs, outputs, attributes };
}

function readValue(message: Uint8Array): OnnxValue {
  let name = "";
  let elementType = 0;
  let dims: (number | null)[] | null = null;
  for (const field of fields(message, "a value")) {
    if (field.number === VALUE_INFO.name) name = text(field, "a value's name");
    if (field.number !== VALUE_INFO.type) continue;
    for (const type of fields(inside(field, "a type"), "a type")) {
      if (type.number !== TYPE.tensor) continue;
      for (const part of fields(inside(type, "a type"), "a type")) {
        if (part.number === TENSOR_TYPE.elemType) elementType = part.value;
        if (part.number === TENSOR_TYPE.shape) dims = readShape(inside(part, "a shape"));
      }
    }
  }
  return { name, elementType, dims };
}

/** Null for a dimension that has a name or nothing in the place of a number. */
function readShape(message: Uint8Array): (number | null)[] {
  const dims: (number | null)[] = [];
  for (const field of fields(message, "a shape")) {
    if (field.number !== SHAPE.dim) continue;
    if (dims.length >= MOST_DIMENSIONS) refuse(`a shape of more than ${MOST_DIMENSIONS} dimensions`);
    let size: number | null = null;
    for (const part of fields(inside(field, "a dimension"), "a dimension")) {
      if (part.number === DIMENSION.value && part.value > 0) size = part.value;
    }
    dims.push(size);
  }
  return dims;
}

function readOpset(message: Uint8Array): { domain: string; version: number } {
  let domain = "";
  let version = 0;
  for (const field of fields(message, "the opset")) {
    if (field.number === OPSET.domain) domain = text(field, "the opset");
    else if (field.number === OPSET.version) version = field.value;
  }
  return { domain, version };
}

function readEntry(message: Uint8Array): [string, string] {
  let key = "";
  let value = "";
  for (const field of fields(message, "the metadata")) {
    if (field.number === ENTRY.key) key = text(field, "the metadata");
    else if (field.number === ENTRY.value) value = text(field, "the metadata");
  }
  return [key, value];
}
