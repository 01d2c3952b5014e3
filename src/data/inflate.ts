/** Compressed bytes handed over at a time: deflate gives at most 1,032 bytes for one, so 4 MiB may be on their way. */
const PIECE = 4096;

/**
 * Decompressed bytes, by the platform's own decoder; null as soon as there are more than `limit`. Rejects for a stream
 * that is damaged or cut short.
 */
export async function inflate(
  bytes: Uint8Array,
  format: "gzip" | "deflate" | "deflate-raw",
  limit: number,
): Promise<Uint8Array | null> {
  let at = 0;
  const pieces = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      const piece = bytes.subarray(at, at + PIECE) as Uint8Array<ArrayBuffer>;
      at += PIECE;
      if (piece.length > 0) controller.enqueue(piece);
      if (at >= bytes.length) controller.close();
    },
  });
  const reader = pieces.pipeThrough(new DecompressionStream(format)).getReader();
  const chunks: Uint8Array[] = [];
  let total = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    total += next.value.length;
    if (total > limit) {
      await reader.cancel().catch(() => undefined);
      return null;
    }
    chunks.push(next.value);
  }
  const out = new Uint8Array(total);
  at = 0;
  for (const chunk of chunks) {
    out.set(chunk, at);
    at += chunk.length;
  }
  return out;
}
