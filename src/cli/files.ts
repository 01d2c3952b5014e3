import { readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { ChainruleError } from "../core/errors.ts";
import type { NdArray } from "../core/ndarray.ts";
import { parseJson } from "../io/json/parse.ts";
import { reason } from "../io/node-files.ts";
import { readTensors } from "../io/weights/tensor-file.ts";

export { makeFolder, requireWritable, writeWhole } from "../io/node-files.ts";

/** Files larger than this are refused before they are read. */
const MAX_BYTES = 2 ** 31;

/** How the text begins that Git keeps in place of a large file. */
const LFS = new TextEncoder().encode("version https://git-lfs.github.com/");

/** A file's bytes. Throws naming the path and what is wrong with it. */
export function readBytes(path: string): Uint8Array {
  try {
    const { size } = statSync(path);
    if (size > MAX_BYTES)
      throw new ChainruleError("file", `${path}: ${size} bytes, more than the ${MAX_BYTES} that can be read`);
    const bytes = new Uint8Array(readFileSync(path));
    if (LFS.every((byte, i) => bytes[i] === byte)) {
      throw new ChainruleError(
        "file",
        `${path}: a pointer of Git LFS, not the file itself; fetch that with git lfs pull`,
      );
    }
    return bytes;
  } catch (error) {
    if (error instanceof ChainruleError) throw error;
    const way = /^[a-z][a-z\d+.-]+:\/\//i.test(path) ? "; an address is not fetched: give the path of a file here" : "";
    throw new ChainruleError("file", `cannot read ${path}: ${reason(error)}${way}`, { cause: error });
  }
}

/** A file that another names, in its folder or one below; links that lead out of it are refused. */
export function readBeside(file: string, path: string): Uint8Array {
  const target = join(dirname(file), path);
  let inside: boolean;
  try {
    inside = realpathSync(target).startsWith(join(realpathSync(dirname(file)), sep));
  } catch (error) {
    throw new ChainruleError("file", `cannot read ${target}, which ${file} names: ${reason(error)}`, { cause: error });
  }
  if (!inside)
    throw new ChainruleError("file", `${target}, which ${file} names, is a link to a file outside its folder`);
  if (!statSync(target).isFile()) throw new ChainruleError("file", `${target}, which ${file} names, is no file`);
  return readBytes(target);
}

/** The named arrays of a .safetensors or .npz file. */
export async function tensorsAt(path: string): Promise<Map<string, NdArray>> {
  return readTensors(path, readBytes(path));
}

export function readJson(path: string): unknown {
  return parseJson(path, readBytes(path));
}

/** Where the record of preprocessing lies that belongs to a file of weights. */
export const recordOf = (weights: string): string => `${weights}.json`;

/** Reads one of the data files that Chainrule ships. */
export function readShipped(file: string): Promise<Uint8Array> {
  const roots = ["../../public/data", "../site/data", "../../dist/site/data"];
  const folders = roots.map((root) => fileURLToPath(new URL(root, import.meta.url)));
  const folder = folders.find((f) => statSync(join(f, file), { throwIfNoEntry: false })?.isFile()) ?? folders[0]!;
  return Promise.resolve(readBytes(join(folder, file)));
}
