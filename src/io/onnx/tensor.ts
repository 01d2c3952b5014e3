import { shapeText, sizeOf } from "../../core/ndarray.ts";
import { ELEMENTS } from "../elements.ts";
import { brief } from "../safetensors/header.ts";
import { type External, externalOf } from "./external.ts";
import { type Field, fields, integers, refuse, text, varint, WIRE } from "./protobuf.ts";
import { DATA_TYPE, isFloat, TENSOR } from "./schema.ts";

/** An array of the file, checked, its values still where they lie. */
export interface OnnxTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly type: StoredType;
  /** Stretches of the file that hold the values one after another; none where another file holds them. */
  readonly chunks: readonly Uint8Array[];
  /** Where in another file they lie; only locate() gives them. */
  readonly external: External | null;
  /** Whether those are the values' own bytes; integers and float16 may also be varints. */
  readonly raw: boolean;
}

type StoredType = keyof typeof DATA_TYPE;
const MAX_RANK = 8;
/** Writers make one; a message may be merged from several. */
const MAX_CHUNKS = 16;

/** How a type is stored: its name among ELEMENTS, and the field of its values where they are not raw bytes. */
const STORED: Readonly<
  Record<StoredType, { readonly element: string; readonly field: number; readonly varints: boolean }>
> = {
  float: { element: "F32", field: TENSOR.floatData, varints: false },
  double: { element: "F64", field: TENSOR.doubleData, varints: false },
  float16: { element: "F16", field: TENSOR.int32Data, varints: true },
  int32: { element: "I32", field: TENSOR.int32Data, varints: true },
  bool: { element: "BOOL", field: TENSOR.int32Data, varints: true },
  int64: { element: "I64", field: TENSOR.int64Data, varints: true },
  uint8: { element: "U8", field: TENSOR.int32Data, varints: true },
  int8: { element: "I8", field: TENSOR.int32Data, varints: true },
  bfloat16: { element: "BF16", field: TENSOR.int32Data, varints: true },
};

export const isWhole = (type: StoredType): boolean => !isFloat(DATA_TYPE[type]);

/** Reads what a TensorProto says of itself: type, dimensions, and that it holds just as many values. */
export function readTensor(message: Uint8Array, where: string): OnnxTensor {
  let name = "";
  let dataType = 0;
  let rawData: Uint8Array | null = null;
  const dims: number[] = [];
  const typed: Field[] = [];
  const entries: Uint8Array[] = [];
  let elsewhere = false;
  for (const field of fields(message, where)) {
    if (field.number === TENSOR.name) name = text(field, where);
    else if (field.number === TENSOR.dataType) dataType = field.value;
    else if (field.number === TENSOR.dims) dims.push(...integers(field, MAX_RANK, `${where}, dimensions`));
    else if (field.number === TENSOR.rawData && field.wire === WIRE.bytes) rawData = field.bytes;
    else if (field.number === TENSOR.segment) refuse(`${where} is stored in segments, which are not read`);
    else if (field.number === TENSOR.externalData) entries.push(field.bytes);
    else if (field.number === TENSOR.dataLocation) elsewhere = field.value !== 0;
    else if (Object.values(STORED).some((s) => s.field === field.number)) typed.push(field);
    if (dims.length > MAX_RANK) refuse(`${where}${named(name)} has more than ${MAX_RANK} dimensions`);
    if (typed.length > MAX_CHUNKS) refuse(`${where}${named(name)} has its values in more than ${MAX_CHUNKS} parts`);
  }
  const at = `${where}${named(name)}`;
  const type = (Object.keys(DATA_TYPE) as StoredType[]).find((key) => DATA_TYPE[key] === dataType);
  if (!type) {
    const known = Object.entries(DATA_TYPE).map(([key, number]) => `${key} (${number})`);
    return refuse(`${at} has the data type ${dataType}; read are ${known.join(", ")}`);
  }
  // An empty list is how an input is left out: Resize's regions.
  const empty = dims.length === 1 && dims[0] === 0;
  const wrong = empty ? undefined : dims.find((d) => !Number.isSafeInteger(d) || d < 1);
  if (wrong !== undefined) refuse(`${at}: every dimension must be a whole number from 1, got ${shapeText(dims)}`);
  // At most 2^424: where it rounds, it is far beyond the size of any file.
  const expected = sizeOf(dims);
  if (elsewhere) {
    const external = externalOf(entries, expected * ELEMENTS.get(STORED[type].element)!.bytes, at);
    return { name, dims, type, chunks: [], raw: true, external };
  }
  const own = typed.filter((field) => field.number === STORED[type].field);
  if (own.some((field) => field.wire !== WIRE.bytes)) refuse(`${at}: its values are stored one by one, not packed`);
  const chunks = rawData ? [rawData] : own.map((field) => field.bytes);
  const tensor: OnnxTensor = { name, dims, type, chunks, raw: rawData !== null, external: null };
  const held = countOf(tensor);
  if (held !== expected) {
    refuse(`${at}: ${type} ${shapeText(dims)} needs ${expected} values, but its data holds ${held}`);
  }
  return tensor;
}

const named = (name: string): string => (name === "" ? "" : ` ${brief(name)}`);

/** How many values the chunks hold; a fraction where one is cut short. */
function countOf({ chunks, type, raw }: OnnxTensor): number {
  const { element, varints } = STORED[type];
  let count = 0;
  for (const chunk of chunks) {
    if (raw || !varints) count += chunk.length / ELEMENTS.get(element)!.bytes;
    // The last byte of a varint has its highest bit clear.
    else for (const byte of chunk) if (byte < 0x80) count++;
  }
  return count;
}

/** Calls `use` with each value and its index. Integers beyond their type here come as NaN or rounded. */
export function eachValue({ name, chunks, type, raw }: OnnxTensor, use: (value: number, index: number) => void): void {
  const { element, varints } = STORED[type];
  const { bytes: width, read } = ELEMENTS.get(element)!;
  let index = 0;
  for (const chunk of chunks) {
    if (!raw && varints) {
      for (let at = 0; at < chunk.length; ) {
        const [value, next] = varint(chunk, at, `tensor ${brief(name)}`);
        use(type === "float16" || type === "bfloat16" ? halfOf(value, element) : value, index++);
        at = next;
      }
      continue;
    }
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    for (let at = 0; at + width <= chunk.length; at += width) use(read(view, at, true), index++);
  }
}

const half = new DataView(new ArrayBuffer(2));

/** Halves are also stored as the integers that their bits spell. */
function halfOf(bits: number, element: string): number {
  half.setUint16(0, bits);
  return ELEMENTS.get(element)!.read(half, 0, false);
}
