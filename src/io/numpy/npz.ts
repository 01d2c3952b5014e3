import { requirePairs } from "../../core/arguments.ts";
import { ChainruleError } from "../../core/errors.ts";
import { quote } from "../../core/format.ts";
import type { NdArray } from "../../core/ndarray.ts";
import { readZip, writeZip } from "../zip/zip.ts";
import { readNpy, writeNpy } from "./npy.ts";

const ENDING = ".npy";

/**
 * Arrays by name out of numpy's .npz, written by savez or savez_compressed: a zip archive of .npy files. See readNpy and
 * readZip for what is accepted. Throws ChainruleError "file".
 */
export async function readNpz(bytes: Uint8Array): Promise<Map<string, NdArray>> {
  const files = await npzFiles(bytes);
  return new Map([...files].map(([name, content]) => [name, readNpy(content, `npz: "${name}${ENDING}"`)]));
}

/** The .npy files of an archive by the names of their arrays. */
export async function npzFiles(bytes: Uint8Array): Promise<ReadonlyMap<string, Uint8Array>> {
  const arrays = new Map<string, Uint8Array>();
  const archive = await readZip(bytes);
  if (archive.has("[Content_Types].xml"))
    throw new ChainruleError("file", "npz: a workbook or document of Office's; save its sheet as CSV UTF-8");
  for (const [file, content] of archive) {
    if (/\.(csv|tsv|tab|txt|parquet|pq|jsonl?)$/i.test(file))
      throw new ChainruleError("file", `npz: an archive of ${quote(file)}; take that out of it`);
    if (!file.endsWith(ENDING)) throw new ChainruleError("file", `npz: "${file}" is not an .npy file`);
    arrays.set(file.slice(0, -ENDING.length), content);
  }
  return arrays;
}

/** The arrays as an uncompressed .npz, in their order. Equal input gives equal bytes. */
export function writeNpz(arrays: Iterable<readonly [string, NdArray]>): Uint8Array {
  requirePairs("npz", arrays);
  const files = new Map<string, Uint8Array>();
  for (const [name, array] of arrays) {
    const file = name + ENDING;
    if (files.has(file)) throw new ChainruleError("file", `npz: the name "${name}" occurs twice`);
    files.set(file, writeNpy(array, `npz: "${file}"`));
  }
  return writeZip(files);
}
