import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";

const BLOCK = 512;

/** Unpacks the plain files of a ustar archive into `folder` and returns their names. Links are not supported. */
export async function untar(archive: Uint8Array, folder: string): Promise<string[]> {
  const names: string[] = [];
  for (let at = 0; at + BLOCK <= archive.length; ) {
    const header = archive.subarray(at, at + BLOCK);
    const name = text(header, 0, 100);
    if (name === "") break; // two blocks of zeros end the archive
    const size = Number.parseInt(text(header, 124, 12), 8);
    const kind = text(header, 156, 1);
    if (!Number.isSafeInteger(size) || size < 0) throw new Error(`tar: the entry "${name}" has no size`);
    at += BLOCK;
    if (kind === "0" || kind === "") {
      const prefix = text(header, 257, 5) === "ustar" ? text(header, 345, 155) : "";
      const path = normalize(prefix === "" ? name : `${prefix}/${name}`);
      if (path.startsWith("..") || path.startsWith("/")) throw new Error(`tar: "${path}" leaves the folder`);
      const target = join(folder, path);
      await mkdir(dirname(target), { recursive: true });
      const mode = Number.parseInt(text(header, 100, 8), 8) & 0o111 ? 0o700 : 0o600;
      await writeFile(target, archive.subarray(at, at + size), { mode });
      names.push(path);
    } else if (kind !== "5") {
      throw new Error(`tar: the entry "${name}" is of kind "${kind}", which is not supported`);
    }
    at += Math.ceil(size / BLOCK) * BLOCK;
  }
  return names;
}

/** A header field: text up to the first NUL. */
function text(header: Uint8Array, start: number, length: number): string {
  return Buffer.from(header.subarray(start, start + length))
    .toString("utf8")
    .split("\0")[0]!
    .trim();
}
