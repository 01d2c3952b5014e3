import { ChainruleError } from "../core/errors.ts";
import { inflate } from "./inflate.ts";

/** Most bytes that a compressed file may grow to, unless the caller says otherwise: 256 MiB. */
const DEFAULT_LIMIT = 256 * 2 ** 20;

/** Whether the bytes begin as a gzip stream does (RFC 1952, 2.3.1). */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes.length >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * The bytes as they are, or decompressed when they begin as a gzip stream. The content decides and not the name, since
 * some servers send a .gz file with Content-Encoding: gzip, and fetch then decompresses it on the way.
 * Throws ChainruleError "data" for a damaged stream, and for one that grows beyond `limit` bytes.
 */
export async function gunzipIfNeeded(name: string, bytes: Uint8Array, limit = DEFAULT_LIMIT): Promise<Uint8Array> {
  if (!isGzip(bytes)) return bytes;
  const out = await inflate(bytes, "gzip", limit).catch((cause: unknown) => {
    throw new ChainruleError("data", `${name}: the gzip stream is damaged or cut short`, { cause });
  });
  if (!out) {
    throw new ChainruleError("data", `${name}: decompresses to more than ${limit} bytes, the most that is accepted`);
  }
  return out;
}
