import { valueInfo } from "../../../src/io/onnx/messages.ts";
import { Message } from "../../../src/io/onnx/protobuf.ts";
import { ATTRIBUTE, ENTRY, GRAPH, MODEL, NODE, OPSET, TENSOR } from "../../../src/io/onnx/schema.ts";

export interface TestNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly name?: string;
  readonly domain?: string;
  readonly integers?: Readonly<Record<string, number>>;
  readonly floats?: Readonly<Record<string, number>>;
  readonly texts?: Readonly<Record<string, string>>;
  readonly lists?: Readonly<Record<string, readonly number[]>>;
}

export interface TestTensor {
  readonly name: string;
  readonly dims: readonly number[];
  /** float by default */
  readonly type?: number;
  readonly raw?: Uint8Array;
  readonly floats?: readonly number[];
  /** More fields, such as those that must be refused. */
  readonly more?: (message: Message) => void;
}

export interface TestFile {
  readonly nodes: readonly TestNode[];
  readonly tensors?: readonly TestTensor[];
  readonly inputs?: readonly (readonly [name: string, ...row: number[]])[];
  readonly outputs?: readonly (readonly [name: string, ...row: number[]])[];
  readonly opset?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

const raw = (values: readonly number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);

export function tensorMessage({ name, dims, type = 1, raw: bytes, floats, more }: TestTensor): Message {
  const message = new Message();
  for (const d of dims) message.integer(TENSOR.dims, d);
  message.integer(TENSOR.dataType, type).text(TENSOR.name, name);
  if (bytes) message.bytes(TENSOR.rawData, bytes);
  if (floats) message.bytes(TENSOR.floatData, raw(floats));
  if (!bytes && !floats)
    message.bytes(TENSOR.rawData, raw(dims.reduce((all, d) => all.flatMap((v) => Array(d).fill(v)), [0.5])));
  more?.(message);
  return message;
}

/** An ONNX file with these very parts, sound or not; from "x" [n, 2] to "y" unless told otherwise. */
export function onnxFile({
  nodes,
  tensors = [],
  inputs = [["x", 2]],
  outputs = [["y", 2]],
  opset = 17,
  metadata = {},
}: TestFile): Uint8Array {
  const graph = new Message();
  for (const {
    op,
    inputs: from,
    outputs: to,
    name,
    domain,
    integers = {},
    floats = {},
    texts = {},
    lists = {},
  } of nodes) {
    const node = new Message();
    for (const value of from) node.text(NODE.input, value);
    for (const value of to) node.text(NODE.output, value);
    node.text(NODE.opType, op);
    if (name !== undefined) node.text(NODE.name, name);
    if (domain !== undefined) node.text(NODE.domain, domain);
    for (const [key, v] of Object.entries(integers))
      node.message(NODE.attribute, new Message().text(ATTRIBUTE.name, key).integer(ATTRIBUTE.i, v));
    for (const [key, v] of Object.entries(floats))
      node.message(NODE.attribute, new Message().text(ATTRIBUTE.name, key).float(ATTRIBUTE.f, v));
    for (const [key, v] of Object.entries(texts))
      node.message(NODE.attribute, new Message().text(ATTRIBUTE.name, key).text(ATTRIBUTE.s, v));
    for (const [key, values] of Object.entries(lists)) {
      const list = new Message().text(ATTRIBUTE.name, key);
      for (const v of values) list.integer(ATTRIBUTE.ints, v);
      node.message(NODE.attribute, list);
    }
    graph.message(GRAPH.node, node);
  }
  for (const tensor of tensors) graph.message(GRAPH.initializer, tensorMessage(tensor));
  for (const [name, ...row] of inputs) graph.message(GRAPH.input, valueInfo(name, row));
  for (const [name, ...row] of outputs) graph.message(GRAPH.output, valueInfo(name, row));
  const model = new Message().integer(MODEL.irVersion, 8).message(MODEL.graph, graph);
  model.message(MODEL.opsetImport, new Message().integer(OPSET.version, opset));
  for (const [key, value] of Object.entries(metadata)) {
    model.message(MODEL.metadataProps, new Message().text(ENTRY.key, key).text(ENTRY.value, value));
  }
  return model.finish();
}

/** A product of rows of two numbers by a 2 x 2 weight. */
export const w: TestTensor = { name: "w", dims: [2, 2] };
export const matmul: TestNode = { op: "MatMul", inputs: ["x", "w"], outputs: ["h"], name: "product" };
/** A product by this tensor. */
export const by = (change: Partial<TestTensor>): TestFile => ({
  nodes: [{ ...matmul, outputs: ["y"] }],
  tensors: [{ ...w, ...change }],
});
