/** Bytes that are copied at a time: enough to hide a call's cost, few enough beside what is being copied. */
const PIECE = 2 ** 22;

/**
 * Writes to a buffer what a caller gave, out of an ordinary ArrayBuffer of our own: memory may be shared, may grow or
 * shrink, or be another realm's, and drivers of WebGPU were not made for all of that.
 */
export function writeCopy(
  queue: GPUQueue,
  to: GPUBuffer,
  offset: number,
  data: ArrayBufferView | ArrayBufferLike,
): void {
  const bytes = ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
  const own = new Uint8Array(Math.min(bytes.length, PIECE));
  for (let at = 0; at < bytes.length; at += PIECE) {
    const piece = bytes.subarray(at, at + PIECE);
    own.set(piece);
    queue.writeBuffer(to, offset + at, own, 0, piece.length);
  }
}
