import { sizeOf } from "../../core/ndarray.ts";
import { type Hdf5Bytes, refuse } from "./bytes.ts";

/** What values are: numbers by their name among ELEMENTS, or text of a fixed or of a changing length. */
export type Hdf5Type =
  | { readonly kind: "number"; readonly element: string; readonly size: number; readonly little: boolean }
  | { readonly kind: "text"; readonly size: number }
  | { readonly kind: "long text"; readonly size: number }
  /** Bytes without a meaning: Keras keeps bfloat16 so. */
  | { readonly kind: "opaque"; readonly size: number }
  | { readonly kind: "other"; readonly size: number; readonly name: string };

const CLASS = { integer: 0, float: 1, text: 3, opaque: 5, enumeration: 8, long: 9 } as const;
const NAMES = ["integers", "floats", "times", "text", "bits", "bytes", "records", "references", "an enumeration"];
const MOST_RANK = 32;

/** Exponent's and fraction's bits, by the name among ELEMENTS. */
const FLOATS: Readonly<Record<string, string>> = { "5 10": "F16", "8 7": "BF16", "8 23": "F32", "11 52": "F64" };

export function readType(file: Hdf5Bytes, at: number): Hdf5Type {
  const kind = file.u8(at) & 15;
  const bits = file.u8(at + 1);
  const size = file.u32(at + 4);
  const little = (bits & 1) === 0;
  const other: Hdf5Type = { kind: "other", size, name: NAMES[kind] ?? `type ${kind}` };
  switch (kind) {
    case CLASS.integer: {
      const element = `${bits & 8 ? "I" : "U"}${8 * size}`;
      return [1, 2, 4, 8].includes(size) ? { kind: "number", element, size, little } : other;
    }
    case CLASS.float: {
      const element = FLOATS[`${file.u8(at + 13)} ${file.u8(at + 15)}`];
      const fits = element === "F64" ? 8 : element === "F32" ? 4 : 2;
      return element !== undefined && fits === size ? { kind: "number", element, size, little } : other;
    }
    case CLASS.text:
      return { kind: "text", size };
    case CLASS.opaque:
      return { kind: "opaque", size };
    case CLASS.long:
      return (bits & 15) === 1 && size === 16 ? { kind: "long text", size } : other;
    default:
      return other;
  }
}

/** The dimensions of an array; none for one value. */
export function readShape(file: Hdf5Bytes, at: number): readonly number[] {
  const version = file.u8(at);
  if (version !== 1 && version !== 2) refuse(`a shape of version ${version}`);
  const rank = file.u8(at + 1);
  if (rank > MOST_RANK) refuse(`an array of ${rank} dimensions`);
  // "Null": no values at all.
  if (version === 2 && file.u8(at + 3) === 2) return [0];
  const dims = Array.from({ length: rank }, (_, i) => file.u64(at + (version === 1 ? 8 : 4) + 8 * i));
  if (!(sizeOf(dims) <= Number.MAX_SAFE_INTEGER)) refuse(`an array of shape ${dims.join(" x ")}`);
  return dims;
}
