import { inflate } from "../../data/inflate.ts";
import { Damaged } from "./refuse.ts";
import { unpackSnappy } from "./snappy.ts";

/** Bytes that all pages of a file together may still decompress to. */
export interface Room {
  left: number;
}

/** Codecs that can be read. */
export const codecs: ReadonlySet<string> = new Set(["UNCOMPRESSED", "SNAPPY", "GZIP", "ZSTD"]);
/** Snappy's longest copy: 64 bytes out of 3, and a few bytes at the beginning. */
const SNAPPY_GROWTH = 22;
const DEFLATE_GROWTH = 1032;
/** Loaded with the first page that needs it: asking for a module again, page by page, takes longer than a small page. */
let zstd: typeof import("fzstd") | undefined;

/** The `size` bytes of a page, in memory of their own. */
export async function decompress(codec: string, bytes: Uint8Array, size: number, room: Room): Promise<Uint8Array> {
  if (!Number.isSafeInteger(size) || size < 0) throw new Damaged(`a page of ${size} bytes`);
  room.left -= size;
  if (room.left < 0) throw new Damaged("it decompresses to more than is accepted of a file of its size");
  const most = { UNCOMPRESSED: 1, SNAPPY: SNAPPY_GROWTH, GZIP: DEFLATE_GROWTH }[codec];
  if (most !== undefined && size > most * (bytes.length + 1)) {
    throw new Damaged(`a page claims ${size} bytes out of ${bytes.length}, more than ${codec} can give`);
  }
  const out = await plain(codec, bytes, size);
  if (out?.length !== size) throw new Damaged(`a page does not decompress to the ${size} bytes that it claims`);
  return out;
}

async function plain(codec: string, bytes: Uint8Array, size: number): Promise<Uint8Array | null> {
  switch (codec) {
    case "SNAPPY":
      return unpackSnappy(bytes, size);
    case "GZIP":
      return inflate(bytes, "gzip", size);
    case "ZSTD":
      zstd ??= await import("fzstd");
      return zstd.decompress(bytes, new Uint8Array(size));
    default:
      return bytes.slice();
  }
}
