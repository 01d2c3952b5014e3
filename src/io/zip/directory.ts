import { requireBytes } from "../../core/arguments.ts";
import { refuseZip as refuse, Words } from "./words.ts";

/** Signatures of the records of a zip archive (PKWARE's APPNOTE, 4.3). All numbers are little-endian. */
export const ZIP = {
  local: 0x04034b50,
  descriptor: 0x08074b50,
  central: 0x02014b50,
  end: 0x06054b50,
  end64: 0x06064b50,
  locator64: 0x07064b50,
} as const;

export const STORED = 0;
export const DEFLATED = 8;

/** One file of an archive, checked. */
export interface ZipEntry {
  readonly name: string;
  readonly method: typeof STORED | typeof DEFLATED;
  readonly crc: number;
  /** Bytes in the archive, from `start` on. */
  readonly packed: number;
  readonly size: number;
  readonly start: number;
}

/** A file as the directory has it. */
interface Listed extends Omit<ZipEntry, "start"> {
  readonly flags: number;
  /** Name as it is stored. */
  readonly label: Uint8Array;
  /** Where its local header begins. */
  readonly offset: number;
}

const MAX_ENTRIES = 10_000;
/** Longest comment at the end of an archive: a word of 16 bits. */
const MAX_COMMENT = 0xffff;
const END_BYTES = 22;
const FULL16 = 0xffff;
const FULL32 = 0xffffffff;
/** How hard deflate tried (bits 1 and 2), sizes behind the data (3), names in UTF-8 (11). */
const KNOWN_FLAGS = 0b1000_0000_1110;
const BEHIND = 1 << 3;
const UTF8 = 1 << 11;
const ENCRYPTED = 1;
/** Id of the extra field that holds sizes of 64 bits. */
const EXTRA64 = 1;

/** The archive's files in the order of their data, which fill it from the first byte to the directory. */
export function readDirectory(bytes: Uint8Array): readonly ZipEntry[] {
  requireBytes("zip", bytes);
  const words = new Words(bytes);
  const { count, start, end } = readEnd(words);
  if (count > MAX_ENTRIES) refuse(`${count} files; at most ${MAX_ENTRIES} are accepted`);
  const listed: Listed[] = [];
  const names = new Set<string>();
  let at = start;
  for (let i = 0; i < count; i++) {
    const { entry, next } = readListed(words, at, end);
    if (names.has(entry.name)) refuse(`"${entry.name}" occurs twice`);
    names.add(entry.name);
    listed.push(entry);
    at = next;
  }
  if (at !== end) refuse(`the directory has ${end - at} bytes beyond its ${count} files`);
  listed.sort((a, b) => a.offset - b.offset);
  let filled = 0;
  const entries = listed.map((entry) => {
    const { name, offset } = entry;
    if (offset < filled) refuse(`"${name}" overlaps the file before it: it begins at byte ${offset}, not ${filled}`);
    if (offset > filled) refuse(`bytes ${filled} to ${offset}, before "${name}", belong to no file`);
    const read = readLocal(words, entry, start);
    filled = read.end;
    return read.entry;
  });
  if (filled !== start) refuse(`bytes ${filled} to ${start}, before the directory, belong to no file`);
  return entries;
}

/** Where the directory lies: from the record at the archive's end, and from its larger sister where there is one. */
function readEnd(words: Words): { count: number; start: number; end: number } {
  const { length } = words.bytes;
  let at = length - END_BYTES;
  const lowest = Math.max(0, at - MAX_COMMENT);
  while (at >= lowest && !(words.u32(at) === ZIP.end && words.u16(at + 20) === length - at - END_BYTES)) at--;
  if (at < lowest) refuse("not a zip archive, or cut short: the record at its end is missing");
  if (words.u16(at + 4) !== 0 || words.u16(at + 6) !== 0) refuse("an archive of several parts");
  if (words.u16(at + 8) !== words.u16(at + 10)) refuse("two counts of its files, which differ");
  const small = { count: words.u16(at + 10), size: words.u32(at + 12), start: words.u32(at + 16) };
  const locator = at - 20;
  if (locator < 0 || words.u32(locator) !== ZIP.locator64) return directoryAt(small, at);
  const large = words.u64(locator + 8);
  if (words.u32(locator + 4) !== 0 || words.u32(locator + 16) > 1) refuse("an archive of several parts");
  if (large + 56 > locator || words.u32(large) !== ZIP.end64 || large + 12 + words.u64(large + 4) !== locator) {
    refuse("the zip64 record is not where it is said to be");
  }
  if (words.u32(large + 16) !== 0 || words.u32(large + 20) !== 0) refuse("an archive of several parts");
  const wide = { count: words.u64(large + 32), size: words.u64(large + 40), start: words.u64(large + 48) };
  if (words.u64(large + 24) !== wide.count) refuse("two counts of its files, which differ");
  const agrees = (narrow: number, full: number, value: number): boolean => narrow === full || narrow === value;
  if (
    !agrees(small.count, FULL16, wide.count) ||
    !agrees(small.size, FULL32, wide.size) ||
    !agrees(small.start, FULL32, wide.start)
  ) {
    refuse("its two records of the directory differ");
  }
  return directoryAt(wide, large);
}

function directoryAt({ count, size, start }: { count: number; size: number; start: number }, end: number) {
  if (start + size !== end)
    refuse(`the directory of ${size} bytes at ${start} does not end where it should, at ${end}`);
  return { count, start, end };
}

function readListed(words: Words, at: number, end: number): { entry: Listed; next: number } {
  if (at + 46 > end || words.u32(at) !== ZIP.central) refuse(`no entry of the directory at byte ${at}`);
  const flags = words.u16(at + 8);
  const method = words.u16(at + 10);
  const [nameBytes, extraBytes, commentBytes] = [words.u16(at + 28), words.u16(at + 30), words.u16(at + 32)];
  const extra = at + 46 + nameBytes;
  const next = extra + extraBytes + commentBytes;
  if (next > end) refuse(`the entry at byte ${at} reaches beyond the directory`);
  const label = words.bytes.subarray(at + 46, extra);
  const name = checkedName(label, (flags & UTF8) !== 0);
  if (flags & ENCRYPTED) refuse(`"${name}" is encrypted`);
  if (flags & ~KNOWN_FLAGS) refuse(`"${name}" has flags 0x${flags.toString(16)}, which are not known`);
  if (method !== STORED && method !== DEFLATED) {
    return refuse(`"${name}" is packed by method ${method}; known are 0 and 8`);
  }
  if (words.u16(at + 34) !== 0) refuse("an archive of several parts");
  const [size, packed, offset] = extended(words, name, extra, extraBytes, [
    words.u32(at + 24),
    words.u32(at + 20),
    words.u32(at + 42),
  ]) as [number, number, number];
  if (method === STORED && packed !== size) refuse(`"${name}" is stored as it is, but in ${packed} bytes for ${size}`);
  return { entry: { name, label, flags, method, crc: words.u32(at + 16), packed, size, offset }, next };
}

/** The local header, which must say what the directory says, and the place of the data behind it. */
function readLocal(words: Words, listed: Listed, limit: number): { entry: ZipEntry; end: number } {
  const { label, flags, offset: at, ...entry } = listed;
  const { name, method, crc, packed, size } = entry;
  if (at + 30 > limit || words.u32(at) !== ZIP.local) refuse(`"${name}": no file begins at byte ${at}`);
  const [nameBytes, extraBytes] = [words.u16(at + 26), words.u16(at + 28)];
  const extra = at + 30 + nameBytes;
  const start = extra + extraBytes;
  if (start + packed > limit) refuse(`"${name}" reaches beyond the files: ${packed} bytes from ${start}`);
  const differs = (what: string): never => refuse(`"${name}": its own header has another ${what} than the directory`);
  const sameName = nameBytes === label.length && label.every((byte, i) => words.bytes[at + 30 + i] === byte);
  if (!sameName) differs("name");
  if (words.u16(at + 6) !== flags) differs("set of flags");
  if (words.u16(at + 8) !== method) differs("method");
  const sizes = extended(words, name, extra, extraBytes, [words.u32(at + 22), words.u32(at + 18)]);
  const behind = (flags & BEHIND) !== 0;
  const agrees = (value: number, listed: number): boolean => value === listed || (behind && value === 0);
  if (!agrees(words.u32(at + 14), crc)) differs("CRC");
  if (!agrees(sizes[0]!, size) || !agrees(sizes[1]!, packed)) differs("size");
  const end = behind ? readDescriptor(words, listed, start + packed, limit) : start + packed;
  return { entry: { ...entry, start }, end };
}

/** CRC and sizes behind the data: with or without a signature, of 32 or 64 bits. Gives where they end. */
function readDescriptor(words: Words, { name, crc, packed, size }: Listed, at: number, limit: number): number {
  for (const signed of [4, 0]) {
    for (const wide of [4, 8]) {
      const end = at + signed + 4 + 2 * wide;
      if (end > limit || (signed && words.u32(at) !== ZIP.descriptor)) continue;
      const read = (i: number): number => (wide === 8 ? words.u64(i) : words.u32(i));
      const sizes = at + signed + 4;
      if (words.u32(at + signed) === crc && read(sizes) === packed && read(sizes + wide) === size) {
        // Of several readings the one is meant behind which a record begins.
        if (end === limit || words.u32(end) === ZIP.local) return end;
      }
    }
  }
  return refuse(`"${name}": CRC and sizes behind its data do not agree with the directory`);
}

/** Numbers of 32 bits, each replaced, where it is full, by the next number of the zip64 extra field. */
function extended(words: Words, name: string, from: number, bytes: number, narrow: readonly number[]): number[] {
  const end = from + bytes;
  let wide: readonly number[] | null = null;
  for (let at = from; at < end; ) {
    if (at + 4 > end) refuse(`"${name}": an extra field is cut short`);
    const [id, size] = [words.u16(at), words.u16(at + 2)];
    if (at + 4 + size > end) refuse(`"${name}": an extra field is cut short`);
    if (id === EXTRA64) {
      if (wide) refuse(`"${name}" has two zip64 fields`);
      const count = Math.floor(size / 8);
      wide = Array.from({ length: count }, (_, i) => words.u64(at + 4 + 8 * i));
    }
    at += 4 + size;
  }
  let next = 0;
  return narrow.map((value) => {
    if (value !== FULL32) return value;
    return wide?.[next++] ?? refuse(`"${name}": a size of 64 bits is missing`);
  });
}

/** A name that is safe as a path below a folder. */
function checkedName(label: Uint8Array, utf8: boolean): string {
  let name: string;
  try {
    name = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(label);
  } catch (cause) {
    return refuse("a name is not UTF-8", { cause });
  }
  const shown = JSON.stringify(name.slice(0, 100));
  if (!utf8 && label.some((byte) => byte > 0x7e)) refuse(`the name ${shown} is in an encoding that is not said`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (name === "" || /[\x00-\x1f\\]/.test(name))
    refuse(`the name ${shown} is empty or has characters that no path has`);
  if (/^\/|^[A-Za-z]:/.test(name)) refuse(`the name ${shown} is an absolute path`);
  if (name.split("/").some((part) => part === "" || part === "." || part === "..")) {
    refuse(`the name ${shown} has a part that is empty, . or ..`);
  }
  return name;
}
