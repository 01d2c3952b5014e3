import type { DecodedArray, PageHeader } from "hyparquet";
import { parquetHeader, readPage } from "hyparquet/src/column.js";
import { convert } from "hyparquet/src/convert.js";
import { decompress, type Room } from "./decompress.ts";
import { Damaged } from "./refuse.ts";
import { checkDelta, checkPrefixes, walkRuns } from "./runs.ts";
import { skipStruct } from "./thrift.ts";

/** What hyparquet asks to know of a column to decode its pages. */
export type Decoder = Parameters<typeof readPage>[2];

/** Part of a file that holds some rows of one column. */
export interface Chunk {
  readonly bytes: Uint8Array;
  readonly rows: number;
  readonly codec: string;
  readonly decoder: Decoder;
  /** What pages may decompress to; shared by all of the file. */
  readonly room: Room;
}

/** The values of a chunk, in order: numbers, bigints, texts, booleans; null for what is missing. */
export async function readChunk({ bytes, rows, codec, decoder, room }: Chunk): Promise<DecodedArray[]> {
  const out: DecodedArray[] = [];
  let dictionary: DecodedArray | undefined;
  let seen = 0;
  for (let at = 0; seen < rows; ) {
    const start = skipStruct(bytes, at);
    const header = parquetHeader({ view: viewOf(bytes), offset: at });
    const packed = sizeIn(header.compressed_page_size, bytes.length - start, "a page");
    at = start + packed;
    const isDictionary = header.type === "DICTIONARY_PAGE";
    const head = header.data_page_header ?? header.data_page_header_v2 ?? header.dictionary_page_header;
    if (header.type === "INDEX_PAGE") continue;
    if (!head) throw new Damaged("a page without a header of its own");
    // A dictionary's texts may be as many as a page has bytes.
    const count = sizeIn(head.num_values, isDictionary ? Number.MAX_SAFE_INTEGER : rows - seen, "a page's values");
    const page = await plainPage(bytes.subarray(start, at), header, codec, room);
    checkPage(page, header, count, decoder, dictionary, room);
    const plain: PageHeader = { ...header, compressed_page_size: page.length, uncompressed_page_size: page.length };
    if (plain.data_page_header_v2) {
      Object.assign(plain, { data_page_header_v2: { ...plain.data_page_header_v2, is_compressed: false } });
    }
    const { data } = readPage({ view: viewOf(page), offset: 0 }, plain, decoder, dictionary, undefined, 0);
    if (isDictionary) dictionary = data && convert(data, decoder);
    else {
      if (data?.length !== count) throw new Damaged(`${data?.length} values in a page of ${count}`);
      out.push(data);
      seen += count;
    }
  }
  return out;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function sizeIn(value: unknown, most: number, what: string): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= most) return value as number;
  throw new Damaged(`${what}: ${String(value)}, at most ${most} can be there`);
}

/** A page as it was before it was compressed, in memory of its own: levels of the second version come uncompressed. */
async function plainPage(bytes: Uint8Array, header: PageHeader, codec: string, room: Room): Promise<Uint8Array> {
  const v2 = header.data_page_header_v2;
  if (header.type !== "DATA_PAGE_V2" || !v2) return decompress(codec, bytes, header.uncompressed_page_size, room);
  const [repetition, definition] = [v2.repetition_levels_byte_length ?? 0, v2.definition_levels_byte_length ?? 0];
  const levels = sizeIn(repetition + definition, bytes.length, "a page's levels");
  if (repetition !== 0) throw new Damaged("a flat column with repeated values");
  const compressed = v2.is_compressed === false ? "UNCOMPRESSED" : codec;
  const values = bytes.subarray(levels);
  const size = header.uncompressed_page_size - levels;
  const plain = size === 0 ? new Uint8Array() : await decompress(compressed, values, size, room);
  const page = new Uint8Array(levels + plain.length);
  page.set(bytes.subarray(0, levels));
  page.set(plain, levels);
  return page;
}

/** Looks at everything in a page that says how much is to come, before it is decoded. */
function checkPage(
  page: Uint8Array,
  header: PageHeader,
  count: number,
  { element, type }: Decoder,
  dictionary: DecodedArray | undefined,
  room: Room,
): void {
  const width = { BYTE_ARRAY: 4, FIXED_LEN_BYTE_ARRAY: element.type_length ?? 0, INT96: 12, INT64: 8, DOUBLE: 8 }[
    type as string
  ];
  if (header.type === "DICTIONARY_PAGE") {
    if (count * (width ?? 4) > page.length)
      throw new Damaged(`a dictionary of ${count} values in ${page.length} bytes`);
    return;
  }
  const { data_page_header: v1, data_page_header_v2: v2 } = header;
  if (header.type === "DATA_PAGE" ? !v1 : !v2) throw new Damaged("a page of another version than its header");
  const encoding = (header.type === "DATA_PAGE" ? v1 : v2)!.encoding;
  let at = v2 ? v2.definition_levels_byte_length : 0;
  let values = count;
  if (element.repetition_type !== "REQUIRED") {
    const length = v2 ? at : viewOf(page).getUint32(0, true);
    values = walkRuns(page, v2 ? 0 : 4, 1, count);
    at = v2 ? at : 4 + sizeIn(length, page.length - 4, "a page's levels");
    if (v2 && v2.num_nulls !== count - values)
      throw new Damaged(`${v2.num_nulls} missing values, counted ${count - values}`);
  } else if (v2 && v2.num_nulls !== 0) throw new Damaged("missing values in a column that has none");
  switch (encoding) {
    case "PLAIN":
      if (values * (width ?? (type === "BOOLEAN" ? 1 / 8 : 4)) > page.length - at) {
        throw new Damaged(`${values} values in ${page.length - at} bytes`);
      }
      return;
    case "PLAIN_DICTIONARY":
    case "RLE_DICTIONARY": {
      if (!dictionary && values > 0) throw new Damaged("a page before its dictionary");
      if (dictionary?.length === 0 && values > 0) throw new Damaged("a dictionary of nothing");
      const bits = page[at] ?? (values > 0 ? 255 : 0);
      if (bits > 0) walkRuns(page, at + 1, bits, values);
      return;
    }
    case "RLE":
      walkRuns(page, at + 4, 1, values);
      return;
    case "DELTA_BINARY_PACKED":
    case "DELTA_LENGTH_BYTE_ARRAY":
      checkDelta(page, at, values);
      return;
    case "DELTA_BYTE_ARRAY":
      checkPrefixes(page, at, values, room.left);
      return;
    case "BYTE_STREAM_SPLIT":
      if (values * (width ?? 4) > page.length - at) throw new Damaged(`${values} values in ${page.length - at} bytes`);
      return;
    default:
      throw new Damaged(`the encoding ${encoding}, which is not read`);
  }
}
