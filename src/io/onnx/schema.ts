/** Numbers of ONNX's own schema (onnx.proto3), by the names that it gives them; only what is read or written here. */

export const MODEL = {
  irVersion: 1,
  producerName: 2,
  producerVersion: 3,
  graph: 7,
  opsetImport: 8,
  metadataProps: 14,
} as const;
export const OPSET = { domain: 1, version: 2 } as const;
export const GRAPH = { node: 1, name: 2, initializer: 5, input: 11, output: 12, sparseInitializer: 15 } as const;
export const NODE = { input: 1, output: 2, name: 3, opType: 4, attribute: 5, domain: 7 } as const;
export const ATTRIBUTE = { name: 1, f: 2, i: 3, s: 4, t: 5, floats: 7, ints: 8, strings: 9, type: 20 } as const;
export const TENSOR = {
  dims: 1,
  dataType: 2,
  segment: 3,
  floatData: 4,
  int32Data: 5,
  int64Data: 7,
  name: 8,
  rawData: 9,
  doubleData: 10,
  externalData: 13,
  dataLocation: 14,
} as const;
/** StringStringEntryProto, of metadata and of what tells where a tensor's values lie. */
export const ENTRY = { key: 1, value: 2 } as const;
export const VALUE_INFO = { name: 1, type: 2 } as const;
export const TYPE = { tensor: 1 } as const;
export const TENSOR_TYPE = { elemType: 1, shape: 2 } as const;
export const SHAPE = { dim: 1 } as const;
export const DIMENSION = { value: 1, param: 2 } as const;

/** TensorProto.DataType */
export const DATA_TYPE = {
  float: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  double: 11,
  bfloat16: 16,
} as const;
/** Types that only the input may have: a Cast to floats follows. */
const OTHER_NUMBERS: readonly number[] = [4, 5, 12, 13];
const FLOATS: readonly number[] = [DATA_TYPE.float, DATA_TYPE.double, DATA_TYPE.float16, DATA_TYPE.bfloat16];

/** The data types of values that a net computes with. */
export const isFloat = (type: number): boolean => FLOATS.includes(type);
/** Those of half the size of f32. */
export const isHalf = (type: number): boolean => type === DATA_TYPE.float16 || type === DATA_TYPE.bfloat16;
export const isNumber = (type: number): boolean =>
  OTHER_NUMBERS.includes(type) || Object.values<number>(DATA_TYPE).includes(type);
/** AttributeProto.AttributeType */
export const ATTRIBUTE_TYPE = { float: 1, int: 2, string: 3, ints: 7, strings: 8 } as const;

/** Metadata of ours: the model file, as JSON; it carries the loss and the dropout layers that a graph leaves out. */
export const MODEL_KEY = "chainrule.model";
