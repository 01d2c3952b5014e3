import type { OnnxStep } from "../../nn/layers/onnx-step.ts";
import { Message } from "./protobuf.ts";
import {
  ATTRIBUTE,
  ATTRIBUTE_TYPE,
  DATA_TYPE,
  DIMENSION,
  NODE,
  SHAPE,
  TENSOR,
  TENSOR_TYPE,
  TYPE,
  VALUE_INFO,
} from "./schema.ts";

/** A step with a name. */
export interface Step extends OnnxStep {
  readonly name: string;
}

/** A node. */
export function node(step: Step): Message {
  const { op, name, inputs, output, floats = {}, integers = {}, lists = {}, texts = {}, textLists = {} } = step;
  const out = new Message();
  for (const input of inputs) out.text(NODE.input, input);
  out.text(NODE.output, output).text(NODE.name, name).text(NODE.opType, op);
  for (const [key, value] of Object.entries(integers)) {
    const attribute = new Message().text(ATTRIBUTE.name, key).integer(ATTRIBUTE.i, value);
    out.message(NODE.attribute, attribute.integer(ATTRIBUTE.type, ATTRIBUTE_TYPE.int));
  }
  for (const [key, value] of Object.entries(floats)) {
    const attribute = new Message().text(ATTRIBUTE.name, key).float(ATTRIBUTE.f, value);
    out.message(NODE.attribute, attribute.integer(ATTRIBUTE.type, ATTRIBUTE_TYPE.float));
  }
  for (const [key, values] of Object.entries(lists)) {
    const attribute = new Message().text(ATTRIBUTE.name, key);
    for (const value of values) attribute.integer(ATTRIBUTE.ints, value);
    out.message(NODE.attribute, attribute.integer(ATTRIBUTE.type, ATTRIBUTE_TYPE.ints));
  }
  for (const [key, value] of Object.entries(texts)) {
    const attribute = new Message().text(ATTRIBUTE.name, key).text(ATTRIBUTE.s, value);
    out.message(NODE.attribute, attribute.integer(ATTRIBUTE.type, ATTRIBUTE_TYPE.string));
  }
  for (const [key, values] of Object.entries(textLists)) {
    const attribute = new Message().text(ATTRIBUTE.name, key);
    for (const value of values) attribute.text(ATTRIBUTE.strings, value);
    out.message(NODE.attribute, attribute.integer(ATTRIBUTE.type, ATTRIBUTE_TYPE.strings));
  }
  return out;
}

/** An initializer. */
export function tensor(
  name: string,
  shape: readonly number[],
  data: Float32Array | BigInt64Array,
  type: number = DATA_TYPE.float,
): Message {
  const out = new Message();
  for (const d of shape) out.integer(TENSOR.dims, d);
  // The values' own bytes: every platform of the web and of Node is little-endian, as the format is.
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return out.integer(TENSOR.dataType, type).text(TENSOR.name, name).bytes(TENSOR.rawData, raw);
}

/** [batch, ...row], with a batch of any size; f32 unless another type is given. */
export function valueInfo(name: string, row: readonly number[], dataType: number = DATA_TYPE.float): Message {
  const shape = new Message().message(SHAPE.dim, new Message().text(DIMENSION.param, "batch"));
  for (const size of row) shape.message(SHAPE.dim, new Message().integer(DIMENSION.value, size));
  const type = new Message().integer(TENSOR_TYPE.elemType, dataType).message(TENSOR_TYPE.shape, shape);
  return new Message().text(VALUE_INFO.name, name).message(VALUE_INFO.type, new Message().message(TYPE.tensor, type));
}
