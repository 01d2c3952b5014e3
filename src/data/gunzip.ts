import { ChainruleError } from "../core/errors.ts";
import { inflate } from "./inflate.ts";

/** Most bytes that a compressed file may grow to, unless the caller says otherwise: 256 MiB. */
const DEFAULT_LIMIT = 256 * 2 ** 20;
/** How many times its size it may have. Tables and images reach 5 to 50; gzip itself 1,032, for a file made to do so. */
const MOST_GROWTH = 200;
/** A file of this size after decompression is small, whatever it was before. */
const SMALL = 2 ** 20;

function limitFor(compressed: number): number {
  return Math.min(DEFAULT_LIMIT, Math.max(SMALL, MOST_GROWTH * compressed));
}

/** Whether the bytes begin as a gzip stream does (RFC 1952, 2.3.1). */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes.length >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * The bytes as they are, or decompressed when they begin as a gzip stream. The content decides and not the name, since
 * some servers send a .gz file with Content-Encoding: gzip, and fetch then decompresses it on the way.
 * Throws ChainruleError "data" for a damaged stream, and for one that grows beyond `limit` bytes.
 */
export async function gunzipIfNeeded(
  name: string,
  bytes: Uint8Array,
  limit = limitFor(bytes.length),
): Promise<Uint8Array> {
  if (!isGzip(bytes)) return bytes;
  const out = await inflate(bytes, "gzip", limit).catch((cause: unknown) => {
    throw new ChainruleError("data", `${name}: the gzip stream is damaged or cut short`, { cause });
  });
  if (!out) {
    throw new ChainruleError("data", `${name}: decompresses to more than ${limit} bytes, the most that is accepted`);
  }
  return out;
}
