import type { ByteSource } from "../../core/byte-source.ts";
import { type NdArray, zeros } from "../../core/ndarray.ts";

/** An array in a file whose rows all have one size, and how its values are read. */
export interface FixedRows {
  readonly source: ByteSource;
  /** Where the first row begins. */
  readonly offset: number;
  readonly rows: number;
  /** Shape of a row, */
  readonly shape: readonly number[];
  /** and its values in all. */
  readonly width: number;
  readonly bytes: number;
  readonly dtype: "f32" | "i32";
  readonly read: (view: DataView, at: number) => number;
  /** Called with the row and the value where a value is NaN: it may stand for a number that does not fit. */
  readonly onNaN?: (row: number) => void;
}

/** Rows that lie closer together than this are read in one go: a disk gives so much in the time of another request. */
const GAP = 64 * 1024;
/** Bytes that are read in one go, and reads that are under way at once. */
const SPAN = 2 ** 20;
const AT_ONCE = 4;

interface Span {
  /** Row numbers, and their places in what was asked for: `order` from `from` to `to`. */
  readonly from: number;
  readonly to: number;
  readonly start: number;
  readonly end: number;
}

/** The rows of these numbers, in this order: [index.length, width]. Reads them in the order of the file. */
export async function readRows(array: FixedRows, index: Uint32Array): Promise<NdArray> {
  const { source, offset, width, bytes, dtype } = array;
  const out = zeros([index.length, width], dtype);
  const rowBytes = width * bytes;
  const order = inFileOrder(index);
  const spans = spansOf(index, order, rowBytes);
  const take = async ({ from, to, start, end }: Span): Promise<void> => {
    const read = await source.read(offset + start, end - start);
    const view = new DataView(read.buffer, read.byteOffset, read.byteLength);
    for (let k = from; k < to; k++) {
      const place = order[k]!;
      const row = index[place]!;
      decode(array, view, row * rowBytes - start, out, place * width, row);
    }
  };
  for (let at = 0; at < spans.length; at += AT_ONCE) await Promise.all(spans.slice(at, at + AT_ONCE).map(take));
  return out;
}

function decode(array: FixedRows, view: DataView, at: number, out: NdArray, to: number, row: number): void {
  const { width, bytes, read, onNaN } = array;
  for (let j = 0; j < width; j++) {
    const value = read(view, at + j * bytes);
    if (onNaN && Number.isNaN(value)) onNaN(row);
    out.data[to + j] = value;
  }
}

/** Places of the index in the order of the rows that they name. */
function inFileOrder(index: Uint32Array): Uint32Array {
  // Row and place in one number, which a typed array sorts without calling back: both are below 2^26.
  const keyed = Float64Array.from(index, (row, place) => row * 2 ** 26 + place);
  return Uint32Array.from(keyed.sort(), (key) => key % 2 ** 26);
}

/** Parts of the array, in bytes from its first row, that hold all rows asked for and little else. */
function spansOf(index: Uint32Array, order: Uint32Array, rowBytes: number): Span[] {
  const spans: Span[] = [];
  for (let from = 0; from < order.length; ) {
    const start = index[order[from]!]! * rowBytes;
    let end = start + rowBytes;
    let to = from + 1;
    for (; to < order.length; to++) {
      const next = index[order[to]!]! * rowBytes;
      if (next - end > GAP || next + rowBytes - start > Math.max(SPAN, rowBytes)) break;
      end = next + rowBytes;
    }
    spans.push({ from, to, start, end });
    from = to;
  }
  return spans;
}
