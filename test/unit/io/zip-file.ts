import { deflateRawSync } from "node:zlib";
import { crc32 } from "../../../src/io/zip/crc32.ts";

/** A file of a hand-made archive; what is given replaces what would be right. */
export interface Part {
  readonly name?: string;
  readonly data?: Uint8Array;
  readonly deflate?: boolean;
  /** In place of the data's own deflate stream. */
  readonly packed?: Uint8Array;
  readonly method?: number;
  readonly flags?: number;
  readonly size?: number;
  readonly crc?: number;
  readonly offset?: number;
  /** Sizes of 64 bits: in the extra fields of both headers. */
  readonly wide?: boolean;
  readonly local?: { readonly name?: string; readonly size?: number; readonly crc?: number; readonly method?: number };
  /** CRC and sizes behind the data: bytes of a size, and whether a signature stands in front. */
  readonly behind?: { readonly bytes: 4 | 8; readonly signed: boolean; readonly size?: number };
  /** Bytes in front of it that belong to nothing. */
  readonly gap?: number;
}

/** Little-endian words: [value, bytes]. */
const words = (...list: readonly (readonly [number, number])[]): Uint8Array => {
  const out = new Uint8Array(list.reduce((sum, [, bytes]) => sum + bytes, 0));
  let at = 0;
  for (const [value, bytes] of list) {
    let rest = BigInt(value);
    for (let i = 0; i < bytes; i++, rest >>= 8n) out[at++] = Number(rest & 255n);
  }
  return out;
};
const FULL = 0xffffffff;

/** An archive, by default a right one, written with nothing of the writer under test. */
export function zipFile(parts: readonly Part[], end: { zip64?: boolean; comment?: string; count?: number } = {}) {
  const bytes: number[] = [];
  const directory: number[] = [];
  for (const part of parts) {
    const data = part.data ?? Uint8Array.of(1, 2, 3);
    const deflated = part.deflate ?? part.packed !== undefined;
    const packed = part.packed ?? (deflated ? new Uint8Array(deflateRawSync(data)) : data);
    const name = new TextEncoder().encode(part.name ?? "a");
    const label = new TextEncoder().encode(part.local?.name ?? part.name ?? "a");
    const size = part.size ?? data.length;
    const crc = part.crc ?? crc32(data);
    const method = part.method ?? (deflated ? 8 : 0);
    const flags = part.flags ?? (part.behind ? 0x808 : 0x800);
    bytes.push(...new Uint8Array(part.gap ?? 0));
    const offset = part.offset ?? bytes.length;
    const [localSize, localCrc, localPacked] = part.behind
      ? [0, 0, 0]
      : [part.local?.size ?? size, part.local?.crc ?? crc, packed.length];
    const extra = part.wide ? words([1, 2], [16, 2], [localSize, 8], [localPacked, 8]) : words();
    const narrow = (value: number): readonly [number, number] => [part.wide ? FULL : value, 4];
    const middle = [[0, 4], [localCrc, 4], narrow(localPacked), narrow(localSize)] as const;
    const lengths = [
      [label.length, 2],
      [extra.length, 2],
    ] as const;
    const localMethod = part.local?.method ?? method;
    bytes.push(...words([0x04034b50, 4], [45, 2], [flags, 2], [localMethod, 2], ...middle, ...lengths));
    bytes.push(...label, ...extra, ...packed);
    if (part.behind) {
      if (part.behind.signed) bytes.push(...words([0x08074b50, 4]));
      const width = part.behind.bytes;
      bytes.push(...words([crc, 4], [packed.length, width], [part.behind.size ?? size, width]));
    }
    const more = part.wide ? words([1, 2], [24, 2], [size, 8], [packed.length, 8], [offset, 8]) : words();
    directory.push(
      ...words([0x02014b50, 4], [45, 2], [45, 2], [flags, 2], [method, 2], [0, 4], [crc, 4]),
      ...words(narrow(packed.length), narrow(size), [name.length, 2], [more.length, 2], [0, 2], [0, 2], [0, 2], [0, 4]),
      ...words(narrow(offset)),
      ...name,
      ...more,
    );
  }
  const start = bytes.length;
  bytes.push(...directory);
  const count = end.count ?? parts.length;
  if (end.zip64) {
    const at = bytes.length;
    bytes.push(
      ...words([0x06064b50, 4], [44, 8], [45, 2], [45, 2], [0, 4], [0, 4], [count, 8], [count, 8]),
      ...words([directory.length, 8], [start, 8]),
      ...words([0x07064b50, 4], [0, 4], [at, 8], [1, 4]),
    );
  }
  const comment = new TextEncoder().encode(end.comment ?? "");
  const [n, length, from] = end.zip64 ? [0xffff, FULL, FULL] : [count, directory.length, start];
  bytes.push(
    ...words([0x06054b50, 4], [0, 4], [n, 2], [n, 2], [length, 4], [from, 4], [comment.length, 2]),
    ...comment,
  );
  return Uint8Array.from(bytes);
}
