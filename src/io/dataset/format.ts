import { looksLikeIdx } from "../../data/idx.ts";

/** Formats of rows to learn from. */
export type DataFormat = "csv" | "parquet" | "npz" | "npy" | "safetensors" | "idx";

/** For messages that name them all. */
export const KNOWN_FORMATS = ".csv, .tsv, .parquet, .safetensors, .npz, .npy, or an IDX file under any name";

const NAMES: readonly (readonly [RegExp, DataFormat])[] = [
  [/\.safetensors$/i, "safetensors"],
  [/\.(parquet|pq)$/i, "parquet"],
  [/\.npz$/i, "npz"],
  [/\.npy$/i, "npy"],
  [/\.(csv|tsv|tab|txt)$/i, "csv"],
  [/[.-]idx\d?(-ubyte)?$/i, "idx"],
];

/**
 * What a file holds; null where neither its content nor its name tells. `head` is its first bytes, decompressed: IDX,
 * Parquet, .npy and .npz begin in a way that no other file does, so their names may be any; tables and safetensors are told by name.
 */
export function dataFormat(name: string, head: Uint8Array): DataFormat | null {
  const named = NAMES.find(([pattern]) => pattern.test(name.replace(/\.gz$/i, "")))?.[1] ?? null;
  if (named === "safetensors") return named;
  if (looksLikeIdx(head)) return "idx";
  if (begins(head, 0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59)) return "npy";
  if (begins(head, 0x50, 0x4b, 3, 4)) return "npz";
  if (begins(head, 0x50, 0x41, 0x52, 0x31)) return "parquet";
  return named;
}

const begins = (bytes: Uint8Array, ...wanted: readonly number[]): boolean => wanted.every((b, i) => bytes[i] === b);
