import { Damaged } from "./refuse.ts";

/** Types of Thrift's compact protocol, by their numbers. */
const TRUE = 1;
const FALSE = 2;
const BYTE = 3;
const DOUBLE = 7;
const BINARY = 8;
const LIST = 9;
const STRUCT = 12;
const WHOLE = new Set([4, 5, 6]);

const MOST_DEPTH = 16;
/** Longest varint of 64 bits. */
const MOST_VARINT = 10;
/** Bytes of a least or largest value; writers leave out or cut longer ones. */
const MOST_STATISTIC = 2 ** 14;
/** Row group, column, its data, its statistics: numbers of fields in the footer. */
const STATISTICS = "4.1.3.12.";

/**
 * Walks over a struct and gives where it ends, without keeping anything of it: lists have no more elements than bytes,
 * numbers no more bytes than 64 bits take, nothing is nested deeply. What passes, a reader that trusts what it reads may
 * read in time and memory of its size.
 */
export function skipStruct(bytes: Uint8Array, start: number): number {
  let at = start;
  const byte = (): number => {
    if (at >= bytes.length) throw new Damaged("a header ends early");
    return bytes[at++]!;
  };
  const varint = (): number => {
    let value = 0;
    for (let i = 0; i < MOST_VARINT; i++) {
      const next = byte();
      value += (next & 0x7f) * 2 ** (7 * i);
      if (next < 0x80) return value;
    }
    throw new Damaged("a number of more than 64 bits");
  };
  const skip = (count: number): void => {
    if (count > bytes.length - at) throw new Damaged("a header names more bytes than there are");
    at += count;
  };
  const element = (type: number, depth: number, path: string): void => {
    if (type === BYTE) skip(1);
    else if (WHOLE.has(type)) varint();
    else if (type === DOUBLE) skip(8);
    else if (type === BINARY) {
      const length = varint();
      if (length > MOST_STATISTIC && path.startsWith(STATISTICS)) throw new Damaged(`a statistic of ${length} bytes`);
      skip(length);
    } else if (type === LIST) list(depth, path);
    else if (type === STRUCT) struct(depth + 1, path);
    else throw new Damaged(`an element of type ${type}`);
  };
  const list = (depth: number, path: string): void => {
    const head = byte();
    const count = head >> 4 === 15 ? varint() : head >> 4;
    if (count > bytes.length - at) throw new Damaged(`a list of ${count} in ${bytes.length - at} bytes`);
    const type = head & 15;
    for (let i = 0; i < count; i++) element(type === TRUE || type === FALSE ? BYTE : type, depth, path);
  };
  const struct = (depth: number, path: string): void => {
    if (depth > MOST_DEPTH) throw new Damaged("a header is nested too deeply");
    let field = 0;
    for (let head = byte(); (head & 15) !== 0; head = byte()) {
      if (head >> 4 === 0) {
        const zigzag = varint();
        field = zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
      } else field += head >> 4;
      const type = head & 15;
      if (type !== TRUE && type !== FALSE) element(type, depth, `${path}${field}.`);
    }
  };
  struct(0, "");
  return at;
}
