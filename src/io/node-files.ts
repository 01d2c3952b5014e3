import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { ChainruleError } from "../core/errors.ts";

/** Files on disk, in Node only: the library for browsers does not import this. */

/** Where a file is written before it takes its place. */
export const temporary = (path: string): string => `${path}.${process.pid}.part`;

/** Writes a file whole or not at all; when it returns, the file is there even after the power fails. */
export function writeWhole(path: string, bytes: Uint8Array | string): void {
  const partial = temporary(path);
  try {
    const file = openSync(partial, "w");
    try {
      const all = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
      for (let at = 0; at < all.length; ) at += writeSync(file, all, at);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(partial, path);
    syncFolder(dirname(path));
  } catch (error) {
    removeIfThere(partial);
    throw new ChainruleError("file", `cannot write ${path}: ${reason(error)}`, { cause: error });
  }
}

/** The name is part of the folder, which has to reach the disk too. Windows has no such call, and does it by itself. */
function syncFolder(path: string): void {
  if (process.platform === "win32") return;
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** Tidying up must not hide the error that made it necessary. */
function removeIfThere(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {}
}

/** Finds out now, not after hours of training, whether a file can be written there. */
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

/** What a failed call of the file system means, in words. */
export function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const known: Record<string, string> = {
    ENOENT: "there is no such file",
    EACCES: "permission denied",
    EEXIST: "it is a file",
    EISDIR: "it is a folder",
    ENOTDIR: "part of the path is not a folder",
    EROFS: "the file system is read-only",
    ENOSPC: "the disk is full",
    EDQUOT: "the disk quota is used up",
  };
  return (code && known[code]) || message;
}
