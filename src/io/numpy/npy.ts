import { ChainruleError } from "../../core/errors.ts";
import { type DType, type NdArray, shapeText, sizeOf } from "../../core/ndarray.ts";
import { BEYOND_F64, readArray } from "../elements.ts";
import { ELEMENT_OF, numpyName, readNpyHeader } from "./npy-header.ts";

/**
 * Reads numpy's .npy, format versions 1 to 3, C and Fortran order, either byte order: f4, f8, i4 and u4 keep their type;
 * f2 becomes f32, smaller integers and bool i32, int64 i32 and uint64 u32 where every value fits, else f64. The result
 * is row-major and a copy; rank 0 comes as [1]. Nothing is unpickled. Throws ChainruleError "file" naming `name`; nothing is allocated
 * before the header agrees with the length of the file.
 */
export function readNpy(bytes: Uint8Array, name = "npy"): NdArray {
  const header = readNpyHeader(bytes, name);
  const type = ELEMENT_OF.get(header.type)!;
  return readArray(bytes, { ...header, type, start: header.dataStart }, (value) => {
    throw new ChainruleError("file", `${name}: value ${value} of ${numpyName(header.type)} ${BEYOND_F64}`);
  });
}

// Halves are f32 numbers on the host.
const DESCRIBED: Readonly<Record<DType, string>> = { f64: "<f8", f32: "<f4", f16: "<f4", i32: "<i4", u32: "<u4" };
/** Version 1.0. */
const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0] as const;
/** Where the values begin, a multiple of this: what the format asks, so that a file can be mapped. */
const ALIGNMENT = 64;

/** The array as numpy itself would write it, byte for byte: little-endian, C order. */
export function writeNpy({ shape, dtype, data }: NdArray, name = "npy"): Uint8Array {
  if (!shape || !data) throw new ChainruleError("usage", `${name}: an array as ndarray() makes it is needed`);
  if (data.length !== sizeOf(shape)) {
    throw new ChainruleError("file", `${name}: ${data.length} values do not fill ${shapeText(shape)}`);
  }
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const text = `{'descr': '${DESCRIBED[dtype]}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const before = MAGIC.length + 2;
  // One byte more for the newline that ends the header.
  const start = Math.ceil((before + text.length + 1) / ALIGNMENT) * ALIGNMENT;
  const out = new Uint8Array(start + data.byteLength).fill(0x20, before, start);
  out.set(MAGIC);
  new DataView(out.buffer).setUint16(MAGIC.length, start - before, true);
  out.set(new TextEncoder().encode(text), before);
  out[start - 1] = 0x0a;
  out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), start);
  return out;
}
