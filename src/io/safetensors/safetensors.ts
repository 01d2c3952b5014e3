import { requirePairs } from "../../core/arguments.ts";
import { type NdArray, shapeText, sizeOf } from "../../core/ndarray.ts";
import { BEYOND_F64, readArray, WRITTEN_AS } from "../elements.ts";
import { brief, readHeader, refuse, requireName, type TensorEntry } from "./header.ts";

/**
 * The safetensors format, as the `safetensors` library of Hugging Face documents and checks it: header length (u64,
 * little-endian), JSON header padded with spaces to a multiple of 8, then the values, little-endian and row-major.
 */
export interface Safetensors {
  /** By name, in the order of the data. Rank 0 comes as [1], the scalar of this library. */
  readonly tensors: Map<string, NdArray>;
  /** What else the header holds, as text. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Reads a safetensors file. F32, F64, I32 and U32 keep their type; F16 and BF16 become f32, smaller integers and BOOL
 * i32, I64 i32 and U64 u32 where every value fits, else f64. The arrays are copies: they do not keep `bytes` alive, nor need it
 * be aligned. Throws ChainruleError "file" that names the tensor; nothing is allocated before the header is checked.
 */
export function readSafetensors(bytes: Uint8Array): Safetensors {
  const { entries, metadata, dataStart } = readHeader(bytes);
  return { metadata, tensors: new Map(entries.map((entry) => [entry.name, readTensor(bytes, dataStart, entry)])) };
}

function readTensor(bytes: Uint8Array, dataStart: number, { name, dtype, shape, begin }: TensorEntry): NdArray {
  const layout = { type: dtype, shape, start: dataStart + begin, little: true, firstFastest: false };
  return readArray(bytes, layout, (value) => refuse(`tensor ${brief(name)}: value ${value} of ${dtype} ${BEYOND_F64}`));
}

/**
 * Writes a safetensors file that the original library reads. f64 tensors come first, so that all stay aligned; else the
 * order is that of `tensors`, and equal input gives equal bytes. Throws ChainruleError "file" for a name that occurs
 * twice or is reserved, and for an array that does not fill its shape.
 */
export function writeSafetensors(
  tensors: Iterable<readonly [string, NdArray]>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  requirePairs("safetensors", tensors);
  const items = [...tensors].sort(([, a], [, b]) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT);
  const header = new Map<string, object>();
  if (Object.keys(metadata).length > 0) header.set("__metadata__", checkedMetadata(metadata));
  let size = 0;
  for (const [name, tensor] of items) {
    requireText(name, "tensor");
    if (name === "__metadata__" || header.has(name))
      refuse(`the tensor name ${brief(name)} is reserved or occurs twice`);
    if (tensor.data.length !== sizeOf(tensor.shape)) {
      refuse(`tensor ${brief(name)}: ${tensor.data.length} values do not fill ${shapeText(tensor.shape)}`);
    }
    const end = size + tensor.data.byteLength;
    header.set(name, { dtype: WRITTEN_AS[tensor.dtype], shape: tensor.shape, data_offsets: [size, end] });
    size = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const headerBytes = Math.ceil(json.length / 8) * 8;
  const out = new Uint8Array(8 + headerBytes + size).fill(0x20, 8, 8 + headerBytes);
  new DataView(out.buffer).setBigUint64(0, BigInt(headerBytes), true);
  out.set(json, 8);
  let at = 8 + headerBytes;
  for (const [, { data }] of items) {
    // The values' own bytes: every platform of the web and of Node is little-endian, as the format is.
    out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return out;
}

function checkedMetadata(metadata: Readonly<Record<string, string>>): object {
  for (const [key, text] of Object.entries(metadata)) {
    requireText(key, "metadata");
    if (typeof text !== "string" || LONE_SURROGATE.test(text)) refuse(`metadata "${key}" must be well-formed text`);
  }
  return metadata;
}

const LONE_SURROGATE = /\p{Surrogate}/u;

/** Refuses names that JSON could only carry as broken UTF-16, which other readers reject. */
function requireText(name: string, what: string): void {
  requireName(name, what);
  if (LONE_SURROGATE.test(name)) refuse(`the ${what} name ${JSON.stringify(name)} is not well-formed text`);
}
