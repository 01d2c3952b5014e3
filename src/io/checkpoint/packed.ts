import { ChainruleError } from "../../core/errors.ts";
import type { NdArray } from "../../core/ndarray.ts";
import { findJsonFault } from "../json/faults.ts";

/** What can be put into a file and taken out again as it was: plain values, and arrays anywhere among them. */
export type Packed =
  | null
  | boolean
  | number
  | string
  | NdArray
  | readonly Packed[]
  | ReadonlyMap<string, Packed>
  | { readonly [name: string]: Packed | undefined };

/** Plain values nest by design: state, moments, one of them, its names. Anything beyond this is no file of ours. */
const MAX_DEPTH = 16;

type Outline = null | boolean | number | string | Outline[] | { [name: string]: Outline };

/**
 * Takes a value apart: its arrays into `tensors`, named by the way to them ("state/moments/0/0.weight"), the rest into
 * JSON, in which {"$array": name} stands for an array and {"$map": [[key, value], ...]} for a map.
 */
export function pack(value: Packed, name: string, tensors: Map<string, NdArray>): string {
  const outline = (v: Packed, way: string): Outline => {
    if (typeof v === "number" && !Number.isFinite(v))
      fail(`${way} is ${v}, which JSON cannot hold: put it in an array`);
    if (v === null || typeof v !== "object") return v;
    if (isArray(v)) {
      tensors.set(way, v);
      return { $array: way };
    }
    if (isList(v)) return v.map((x, i) => outline(x, `${way}/${i}`));
    if (v instanceof Map) return { $map: [...v].map(([key, x]) => [key, outline(x, `${way}/${key}`)]) };
    const known = Object.entries(v as { readonly [name: string]: Packed | undefined });
    return Object.fromEntries(
      known.flatMap(([key, x]) => {
        if (key.startsWith("$")) fail(`${way}: names that begin with $ are taken, got ${key}`);
        return x === undefined ? [] : [[key, outline(x, `${way}/${key}`)]];
      }),
    );
  };
  return JSON.stringify(outline(value, name));
}

/** Puts such a value together again. Throws ChainruleError "file" on anything that `pack` does not write. */
export function unpack(json: string, tensors: ReadonlyMap<string, NdArray>): Packed {
  const fault = findJsonFault(json, MAX_DEPTH);
  if (fault) fail(fault.kind === "depth" ? `nested more than ${MAX_DEPTH} deep` : "a name occurs twice");
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch (cause) {
    throw new ChainruleError("file", "checkpoint: its outline is not JSON", { cause });
  }
  const value = (v: unknown): Packed => {
    if (v === null || typeof v !== "object") return v as null | boolean | number | string;
    if (Array.isArray(v)) return v.map(value);
    const entries = Object.entries(v);
    const [first] = entries;
    if (first?.[0] === "$array") {
      const found = typeof first[1] === "string" ? tensors.get(first[1]) : undefined;
      return found ?? fail("its outline names an array that is not in the file");
    }
    if (first?.[0] === "$map") {
      const pairs: unknown = first[1];
      if (!Array.isArray(pairs) || !pairs.every(isPair)) fail("its outline has a map that is no list of pairs");
      return new Map((pairs as [string, unknown][]).map(([key, x]) => [key, value(x)]));
    }
    // Not assigned one by one: a name such as __proto__ then is a name like any other.
    return Object.fromEntries(entries.map(([key, x]) => [key, value(x)]));
  };
  return value(parsed);
}

export function isArray(v: Packed | undefined): v is NdArray {
  return typeof v === "object" && v !== null && "dtype" in v && "data" in v && ArrayBuffer.isView(v.data);
}

const isList = (v: Packed): v is readonly Packed[] => Array.isArray(v);

const isPair = (v: unknown): boolean => Array.isArray(v) && v.length === 2 && typeof v[0] === "string";

function fail(message: string): never {
  throw new ChainruleError("file", `checkpoint: ${message}`);
}
