import { ChainruleError } from "../../core/errors.ts";
import { inflate } from "../../data/inflate.ts";
import { crc32 } from "./crc32.ts";
import { DEFLATED, readDirectory, ZIP, type ZipEntry } from "./directory.ts";
import { refuseZip as refuse } from "./words.ts";

/** Small archives may always grow to 64 MiB, larger ones to a hundred times their size, none beyond 1 GiB. */
const FREE_BYTES = 64 * 2 ** 20;
const MAX_GROWTH = 100;
const MAX_BYTES = 2 ** 30;
/** Deflate cannot do better than 1,032 to 1; two bytes are its shortest stream. */
const DEFLATE_LIMIT = 1032;

/** Bytes that an archive of this size may hold, all files together. */
export function zipLimit(archiveBytes: number): number {
  return Math.min(MAX_BYTES, Math.max(FREE_BYTES, archiveBytes * MAX_GROWTH));
}

/** What an archive may lack. */
export interface ReadZipOptions {
  /** Called where no file has a CRC: all are 0. Without it, such an archive is damaged. */
  readonly withoutCrcs?: () => void;
}

/**
 * The files of a zip archive by name: stored or deflated, zip64 where it is used. Everything is checked before anything
 * is decompressed: names, sizes against `zipLimit` and against what deflate can reach, and that the local headers agree
 * with the directory and fill the archive without gap or overlap. Each file is then cut off at its declared size, and
 * its CRC is compared. Throws ChainruleError "file".
 */
export async function readZip(bytes: Uint8Array, options: ReadZipOptions = {}): Promise<Map<string, Uint8Array>> {
  const entries = readDirectory(bytes);
  const unsummed = options.withoutCrcs !== undefined && entries.every(({ crc }) => crc === 0);
  if (unsummed) options.withoutCrcs?.();
  const limit = zipLimit(bytes.length);
  let total = 0;
  for (const { name, method, packed, size } of entries) {
    total += size;
    if (total > limit) refuse(`decompresses to more than ${limit} bytes, the most that is accepted of this archive`);
    if (method === DEFLATED && size > packed * DEFLATE_LIMIT)
      refuse(`"${name}" claims ${size} bytes out of ${packed}, more than deflate can give`);
  }
  const files = new Map<string, Uint8Array>();
  for (const entry of entries) files.set(entry.name, await readEntry(bytes, entry, !unsummed));
  return files;
}

/** The bytes of a file; those of a stored one are the archive's own. */
async function readEntry(bytes: Uint8Array, entry: ZipEntry, summed: boolean): Promise<Uint8Array> {
  const { name, method, start, packed, size, crc } = entry;
  const raw = bytes.subarray(start, start + packed);
  let file: Uint8Array | null = raw;
  if (method === DEFLATED) {
    file = await inflate(raw, "deflate-raw", size).catch((cause: unknown) =>
      refuse(`"${name}": the deflate stream is damaged or cut short`, { cause }),
    );
    if (file?.length !== size) refuse(`"${name}" does not decompress to the ${size} bytes that it claims`);
  }
  if (summed && crc32(file) !== crc) refuse(`"${name}": the CRC does not match, so its bytes have changed`);
  return file;
}

/** 1 January 1980, the earliest that a zip can say: equal files give equal archives. */
const DATE = (1 << 5) | 1;
/** Version 2.0 of the format. */
const VERSION = 20;
/** Names are UTF-8. */
const UTF8 = 0x800;

/** An archive of stored files. Throws ChainruleError "file" where it would need zip64, at 4 GiB. */
export function writeZip(files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const [name, file] of files) {
    const label = new TextEncoder().encode(name);
    const common = [VERSION, UTF8, 0, 0, DATE] as const;
    const sizes = [crc32(file), file.length, file.length] as const;
    const local = fields(ZIP.local, common, sizes, [label.length, 0], []);
    directory.push(fields(ZIP.central, [VERSION, ...common], sizes, [label.length, 0, 0, 0, 0], [0, at]), label);
    parts.push(local, label, file);
    at += local.length + label.length + file.length;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  if (at + size >= 2 ** 32 - 1 || files.size >= 2 ** 16 - 1) {
    throw new ChainruleError("file", `zip: ${files.size} files of ${at} bytes do not fit an archive of below 4 GiB`);
  }
  const end = fields(ZIP.end, [0, 0, files.size, files.size], [size, at], [0], []);
  return concatenate([...parts, ...directory, end]);
}

/** A record: its signature, then words of 2, 4, 2 and 4 bytes. */
function fields(
  signature: number,
  first: readonly number[],
  second: readonly number[],
  third: readonly number[],
  fourth: readonly number[],
): Uint8Array {
  const out = new Uint8Array(4 + 2 * (first.length + third.length) + 4 * (second.length + fourth.length));
  const view = new DataView(out.buffer);
  view.setUint32(0, signature, true);
  let at = 4;
  for (const [words, bytes] of [[first, 2] as const, [second, 4] as const, [third, 2] as const, [fourth, 4] as const]) {
    for (const word of words) {
      if (bytes === 2) view.setUint16(at, word, true);
      else view.setUint32(at, word, true);
      at += bytes;
    }
  }
  return out;
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
