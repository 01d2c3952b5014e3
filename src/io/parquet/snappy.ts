/** Literals up to this long say so in their tag; longer ones in one to four bytes behind it. */
const SHORT_LITERAL = 60;

/**
 * The `size` bytes that Snappy made `bytes` of; null where they are not that. hyparquet's own goes by lengths and
 * distances that say more than there is, and never comes back from some.
 */
export function unpackSnappy(bytes: Uint8Array, size: number): Uint8Array | null {
  const out = new Uint8Array(size);
  let [at, end] = [0, 0];
  /** The next bytes as a number, the lowest first; NaN where they are not there. */
  const number = (width: number): number => {
    let value = 0;
    for (let i = 0; i < width; i++) value += (bytes[at++] ?? Number.NaN) * 2 ** (8 * i);
    return value;
  };
  // The size, which the page's header says too, seven bits a byte.
  while ((bytes[at++] ?? 0) >= 0x80);
  while (at < bytes.length) {
    const tag = bytes[at++]!;
    const kind = tag & 3;
    let length = (tag >> 2) + 1;
    if (kind === 0) {
      if (length > SHORT_LITERAL) length = number(length - SHORT_LITERAL) + 1;
      if (!(length <= bytes.length - at && length <= size - end)) return null;
      out.set(bytes.subarray(at, at + length), end);
      at += length;
    } else {
      const back = kind === 1 ? (tag >> 5) * 256 + number(1) : number(kind === 2 ? 2 : 4);
      if (kind === 1) length = ((tag >> 2) & 7) + 4;
      if (!(back >= 1 && back <= end && length <= size - end)) return null;
      // One by one: what is copied may be of this very copy.
      for (let i = end; i < end + length; i++) out[i] = out[i - back]!;
    }
    end += length;
  }
  return end === size ? out : null;
}
