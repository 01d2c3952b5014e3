import { deltaBinaryUnpack } from "hyparquet/src/delta.js";
import { Damaged } from "./refuse.ts";

/** Values that a group of packed bits may have beyond those that are wanted: writers fill up whole groups. */
const PADDING = 512;
const MOST_WIDTH = 32;

/**
 * Walks over `count` numbers of `width` bits, in runs of one value or packed (Parquet's RLE hybrid), without making them:
 * no run is longer than what is wanted. Gives how many are 1, which for a width of 1 are those that are not 0.
 */
export function walkRuns(bytes: Uint8Array, start: number, width: number, count: number): number {
  if (width > MOST_WIDTH) throw new Damaged(`numbers of ${width} bits`);
  let at = start;
  let ones = 0;
  for (let seen = 0; seen < count; ) {
    const header = shortVarint(bytes, at);
    at = header.end;
    const packed = header.value % 2 === 1;
    const length = Math.floor(header.value / 2) * (packed ? 8 : 1);
    const left = count - seen;
    if (length > left + (packed ? PADDING : 0)) throw new Damaged(`a run of ${length} where ${left} values are left`);
    if (packed) {
      const size = (length / 8) * width;
      if (width === 1)
        for (let i = 0; i < Math.min(length, left); i++) ones += ((bytes[at + (i >> 3)] ?? 0) >> (i & 7)) & 1;
      at += size;
    } else {
      if (bytes[at] === 1) ones += length;
      at += (width + 7) >> 3;
    }
    if (at > bytes.length + PADDING) throw new Damaged("runs that are cut short");
    seen += length;
  }
  return ones;
}

function shortVarint(bytes: Uint8Array, start: number): { readonly value: number; readonly end: number } {
  let value = 0;
  for (let i = 0; i < 5; i++) {
    const next = bytes[start + i];
    if (next === undefined) throw new Damaged("a page that is cut short");
    value += (next & 0x7f) * 2 ** (7 * i);
    // Others read it as 32 bits with a sign.
    if (next < 0x80 && value < 2 ** 31) return { value, end: start + i + 1 };
  }
  throw new Damaged("a number of more than 31 bits");
}

const MOST_BLOCK = 2 ** 16;

/** Checks the header of `count` numbers stored as differences (DELTA_BINARY_PACKED). */
export function checkDelta(bytes: Uint8Array, start: number, count: number): void {
  const block = shortVarint(bytes, start);
  const blocks = shortVarint(bytes, block.end);
  const total = shortVarint(bytes, blocks.end);
  const each = block.value / blocks.value;
  const sound = block.value >= 8 && block.value <= MOST_BLOCK && Number.isInteger(each) && each % 8 === 0;
  if (!sound || total.value !== count) {
    throw new Damaged(
      `${total.value} differences, in blocks of ${block.value} by ${blocks.value}, for ${count} values`,
    );
  }
}

/** Checks texts that each begin as the one before (DELTA_BYTE_ARRAY): no more is taken from it than it has. */
export function checkPrefixes(bytes: Uint8Array, start: number, count: number, mostBytes: number): void {
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: start };
  const numbers = (): Int32Array => {
    checkDelta(bytes, reader.offset, count);
    const out = new Int32Array(count);
    deltaBinaryUnpack(reader, count, out);
    return out;
  };
  const [prefixes, suffixes] = [numbers(), numbers()];
  let [before, total] = [0, 0];
  for (let i = 0; i < count; i++) {
    const [prefix, suffix] = [prefixes[i]!, suffixes[i]!];
    if (prefix < 0 || prefix > before || suffix < 0)
      throw new Damaged(`a text that begins with ${prefix} of ${before} bytes`);
    before = prefix + suffix;
    total += before;
    if (total > mostBytes) throw new Damaged(`texts of more than ${mostBytes} bytes`);
  }
}
