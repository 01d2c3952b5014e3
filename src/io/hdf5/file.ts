import { type NdArray, sizeOf } from "../../core/ndarray.ts";
import { ELEMENTS, readArray } from "../elements.ts";
import { readText } from "./attributes.ts";
import { Hdf5Bytes, refuse } from "./bytes.ts";
import { readData } from "./data.ts";
import { readLinks } from "./groups.ts";
import { MESSAGE, type Message, readHeader } from "./header.ts";
import { type Hdf5Type, readShape, readType } from "./types.ts";

const MOST_DEEP = 32;
/** Compressed arrays may grow to so many times the file, or to so many bytes at least. */
const MOST_GROWTH = 100;
const FREE_BYTES = 64 * 2 ** 20;

export interface Hdf5Group {
  readonly groups: ReadonlyMap<string, Hdf5Group>;
  readonly arrays: ReadonlyMap<string, Hdf5Array>;
  /** The text of an attribute, all its texts where it has several; null where there is none. */
  text(name: string): readonly string[] | null;
}

export interface Hdf5Array {
  readonly shape: readonly number[];
  /** Name among ELEMENTS; null where it holds no numbers. */
  readonly element: string | null;
  /** The array. Throws ChainruleError "file" where it is damaged, or not stored as h5py stores arrays by default. */
  read(): Promise<NdArray>;
}

/**
 * The groups and arrays of an HDF5 file, as h5py writes them: superblocks 0 to 3; groups whose links lie in their header
 * or in a table; arrays of numbers whole or in chunks, by gzip, shuffle and fletcher32 or without; attributes that are
 * text. What else the format has is refused by name. Only headers are read now, no more of them than a file of this size
 * can hold; an array is made when it is read. Throws ChainruleError "file".
 */
export function readHdf5(bytes: Uint8Array): Hdf5Group {
  const file = new Hdf5Bytes(bytes);
  // All compressed arrays share one allowance.
  const budget = { left: Math.max(FREE_BYTES, bytes.length * MOST_GROWTH) };
  const root = objectAt(file, rootOf(file), 0, budget);
  return "groups" in root ? root : refuse("its root is an array, not a group");
}

/** Address of the root group's header. */
function rootOf(file: Hdf5Bytes): number {
  const version = file.u8(8);
  if (version > 3) refuse(`format ${version}; read are 0 to 3`);
  const [offsets, lengths] = version < 2 ? [file.u8(13), file.u8(14)] : [file.u8(9), file.u8(10)];
  if (offsets !== 8 || lengths !== 8) refuse(`addresses of ${offsets} bytes; read are those of 8`);
  // Version 1 has four bytes more before the base address.
  const base = version === 0 ? 24 : version === 1 ? 28 : 12;
  if (file.u64(base) !== 0) refuse("a block of the user's before the file's own, which is not read");
  const end = file.u64(base + 16);
  if (end > file.bytes.length) refuse(`cut short: ${file.bytes.length} of ${end} bytes are there`);
  return file.u64(version < 2 ? base + 40 : base + 24);
}

type Budget = { left: number };

function objectAt(file: Hdf5Bytes, address: number, depth: number, budget: Budget): Hdf5Group | Hdf5Array {
  if (depth > MOST_DEEP) refuse(`groups lie more than ${MOST_DEEP} deep in one another`);
  file.step();
  const messages = readHeader(file, address);
  const layout = messages.find(({ type }) => type === MESSAGE.layout);
  if (layout) return arrayOf(file, messages, layout, budget);
  const groups = new Map<string, Hdf5Group>();
  const arrays = new Map<string, Hdf5Array>();
  for (const [name, at] of readLinks(file, messages)) {
    const object = objectAt(file, at, depth + 1, budget);
    if ("groups" in object) groups.set(name, object);
    else arrays.set(name, object);
  }
  return { groups, arrays, text: (name) => readText(file, messages, name) };
}

function arrayOf(file: Hdf5Bytes, messages: readonly Message[], layout: Message, budget: Budget): Hdf5Array {
  const find = (type: number): Message | undefined => messages.find((message) => message.type === type);
  const type = readType(file, (find(MESSAGE.datatype) ?? refuse("an array without a type")).at);
  const shape = readShape(file, (find(MESSAGE.dataspace) ?? refuse("an array without a shape")).at);
  const filters = find(MESSAGE.filters)?.at ?? null;
  const element = elementOf(type, () => readText(file, messages, "dtype")?.[0] ?? null);
  return {
    shape,
    element,
    async read() {
      if (element === null) return refuse(`an array of ${"name" in type ? type.name : type.kind}, not of numbers`);
      const { size } = type;
      // What lies in the file as it is needs no room but its own; views of one place may be many.
      budget.left -= sizeOf(shape) * size;
      if (budget.left < 0) refuse("its arrays take more than a file of this size can hold");
      const data = await readData(
        file,
        { shape, size, layout: layout.at, filters },
        Math.max(FREE_BYTES, file.bytes.length * MOST_GROWTH),
      );
      const fits = (at: number): never => refuse(`value ${at} of an array does not fit`);
      const little = type.kind !== "number" || type.little;
      return readArray(data, { type: element, shape, start: 0, little, firstFastest: false }, fits);
    },
  };
}

/** Keras keeps bfloat16 as bytes and says so beside them. */
function elementOf(type: Hdf5Type, dtype: () => string | null): string | null {
  if (type.kind === "number") return ELEMENTS.has(type.element) ? type.element : null;
  return type.kind === "opaque" && type.size === 2 && dtype() === "bfloat16" ? "BF16" : null;
}
