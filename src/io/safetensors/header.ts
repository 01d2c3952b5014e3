import { requireBytes } from "../../core/arguments.ts";
import { ChainruleError } from "../../core/errors.ts";
import { brief } from "../../core/format.ts";
import { sizeOf } from "../../core/ndarray.ts";
import { ELEMENTS } from "../elements.ts";
import { findJsonFault } from "../json/faults.ts";

export { brief };

/** The format's own limit, 100 MB. */
const MAX_HEADER_BYTES = 100_000_000;
const MAX_RANK = 8;
/** The header object, a tensor's object, its arrays. */
const MAX_DEPTH = 3;
/** Names that plain objects treat specially; no tensor needs them. */
const FORBIDDEN = new Set(["__proto__", "constructor", "prototype"]);

/** One tensor as the header declares it. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Bytes [begin, end) of the data behind the header. */
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  /** In the order of their data. */
  readonly entries: readonly TensorEntry[];
  readonly metadata: Readonly<Record<string, string>>;
  /** Where the data begins in the file. */
  readonly dataStart: number;
}

/** Every error of a safetensors file: ChainruleError "file". */
export function refuse(message: string, options?: ErrorOptions): never {
  throw new ChainruleError("file", `safetensors: ${message}`, options);
}

/** Refuses a name that a plain object would treat specially. */
export function requireName(name: string, what: string): void {
  if (FORBIDDEN.has(name)) refuse(`the ${what} name ${brief(name)} is not accepted`);
}

/**
 * Reads and checks the header: every tensor lies in the file, and together they fill it without gap or overlap. `bytes`
 * may be the beginning of a file of `size` bytes, up to the end of its header at least.
 */
export function readHeader(bytes: Uint8Array, size = bytes.length): SafetensorsHeader {
  requireBytes("safetensors", bytes);
  if (bytes.length < 8) refuse(`the file has ${bytes.length} bytes, too few for the header's length`);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > MAX_HEADER_BYTES) {
    // No header is that long that any disk holds: what begins with eight letters is a page, or a table.
    if (bytes.subarray(0, 8).every((byte) => byte >= 0x20 && byte < 0x7f)) refuse("the file holds text, not tensors");
    refuse(`a header of ${length} bytes; at most ${MAX_HEADER_BYTES} are accepted`);
  }
  const dataStart = 8 + Number(length);
  if (dataStart > bytes.length) refuse(`cut short: the header needs ${dataStart} bytes, the file has ${bytes.length}`);
  const header = parseHeader(bytes.subarray(8, dataStart));
  const available = size - dataStart;
  const entries: TensorEntry[] = [];
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(header)) {
    requireName(name, "tensor");
    if (name === "__metadata__") metadata = readMetadata(value);
    else entries.push(readEntry(name, value, available));
  }
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let filled = 0;
  for (const { name, begin, end } of entries) {
    if (begin < filled)
      refuse(`tensor ${brief(name)} overlaps the one before it: it begins at byte ${begin}, not ${filled}`);
    if (begin > filled) refuse(`bytes ${filled} to ${begin}, before tensor ${brief(name)}, belong to no tensor`);
    filled = end;
  }
  if (filled !== available) refuse(`the last ${available - filled} bytes belong to no tensor`);
  return { entries, metadata, dataStart };
}

function parseHeader(bytes: Uint8Array): object {
  if (bytes[0] !== 0x7b) refuse("the header does not begin with {");
  let header: unknown;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const fault = findJsonFault(text, MAX_DEPTH);
    if (fault?.kind === "duplicate") refuse(`the name ${brief(fault.key)} occurs twice in the header`);
    if (fault?.kind === "depth") refuse(`the header is nested more than ${MAX_DEPTH} deep`);
    header = JSON.parse(text);
  } catch (cause) {
    if (cause instanceof ChainruleError) throw cause;
    refuse("the header is not JSON in UTF-8", { cause });
  }
  return header as object; // text that begins with { parses to an object or not at all
}

function readMetadata(value: unknown): Record<string, string> {
  if (!isObject(value)) refuse("__metadata__ must map text to text");
  for (const [key, text] of Object.entries(value)) {
    requireName(key, "metadata");
    if (typeof text !== "string") refuse(`__metadata__ must map text to text, but ${brief(key)} holds something else`);
  }
  return value as Record<string, string>;
}

function readEntry(name: string, value: unknown, available: number): TensorEntry {
  const fail = (message: string): never => refuse(`tensor ${brief(name)}: ${message}`);
  if (!isObject(value)) return fail("its entry is not an object");
  const { dtype, shape, data_offsets: offsets } = value;
  const element = typeof dtype === "string" ? ELEMENTS.get(dtype) : undefined;
  if (typeof dtype !== "string" || !element)
    return fail(`dtype ${brief(dtype)} is not one of ${[...ELEMENTS.keys()].join(", ")}`);
  if (!isSizes(shape)) return fail(`its shape must be a list of whole numbers from 0, got ${brief(shape)}`);
  if (shape.length > MAX_RANK) fail(`it has ${shape.length} dimensions; at most ${MAX_RANK} are accepted`);
  if (!isSizes(offsets) || offsets.length !== 2) {
    return fail(`data_offsets must be two whole numbers from 0, got ${brief(offsets)}`);
  }
  const [begin, end] = offsets as [number, number];
  if (begin > end || end > available) fail(`bytes ${begin} to ${end} do not lie in the ${available} bytes of data`);
  // At most 2^424: where it rounds, it is far beyond the size of any file.
  const expected = sizeOf(shape) * element.bytes;
  if (end - begin !== expected) {
    fail(`${dtype} [${shape.join(", ")}] needs ${expected} bytes, its offsets hold ${end - begin}`);
  }
  return { name, dtype, shape: shape.map((d) => d + 0), begin, end }; // -0 becomes 0
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((d) => Number.isSafeInteger(d) && d >= 0);
}
