import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ChainruleError } from "../core/errors.ts";
import type { NdArray } from "../core/ndarray.ts";
import { readTensors } from "../io/tensor-file.ts";

/** Files larger than this are refused before they are read. */
const MAX_BYTES = 2 ** 31;

/** A file's bytes. Throws naming the path and what is wrong with it. */
export function readBytes(path: string): Uint8Array {
  try {
    const { size } = statSync(path);
    if (size > MAX_BYTES)
      throw new ChainruleError("file", `${path}: ${size} bytes, more than the ${MAX_BYTES} that can be read`);
    return new Uint8Array(readFileSync(path));
  } catch (error) {
    if (error instanceof ChainruleError) throw error;
    throw new ChainruleError("file", `cannot read ${path}: ${reason(error)}`, { cause: error });
  }
}

/** The named arrays of a .safetensors or .npz file. */
export async function tensorsAt(path: string): Promise<Map<string, NdArray>> {
  return readTensors(path, readBytes(path));
}

export function readJson(path: string): unknown {
  const text = new TextDecoder().decode(readBytes(path));
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ChainruleError("file", `${path} is not JSON: ${reason(error)}`, { cause: error });
  }
}

/** Finds out now, not after hours of training, whether `path` can be written. */
export function requireWritable(path: string): void {
  const probe = temporary(path);
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw new Error("it is a folder");
    closeSync(openSync(probe, "w"));
    rmSync(probe);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    const why = missing ? "its folder does not exist" : reason(error);
    throw new ChainruleError("file", `cannot write ${path}: ${why}`, { cause: error });
  }
}

/** Makes a folder for results, or finds out now that it cannot be made. */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (cause) {
    throw new ChainruleError("file", `cannot make the folder ${path}: ${reason(cause)}`, { cause });
  }
}

/** Writes a file whole or not at all. */
export function writeWhole(path: string, bytes: Uint8Array | string): void {
  const partial = temporary(path);
  try {
    writeFileSync(partial, bytes);
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw new ChainruleError("file", `cannot write ${path}: ${reason(error)}`, { cause: error });
  }
}

const temporary = (path: string): string => `${path}.${process.pid}.part`;

/** Reads one of the data files that Chainrule ships. */
export function readShipped(file: string): Promise<Uint8Array> {
  const roots = ["../../public/data", "../site/data", "../../dist/site/data"];
  const folders = roots.map((root) => fileURLToPath(new URL(root, import.meta.url)));
  const folder = folders.find((f) => statSync(join(f, file), { throwIfNoEntry: false })?.isFile()) ?? folders[0]!;
  return Promise.resolve(readBytes(join(folder, file)));
}

function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const known: Record<string, string> = {
    ENOENT: "there is no such file",
    EACCES: "permission denied",
    EEXIST: "it is a file",
    EISDIR: "it is a folder",
    ENOTDIR: "part of the path is not a folder",
    EROFS: "the file system is read-only",
  };
  return (code && known[code]) || message;
}
