import type { ColumnChunk, FileMetaData, SchemaTree } from "hyparquet";
import { parquetMetadata, parquetSchema } from "hyparquet/src/metadata.js";
import { requireBytes } from "../../core/arguments.ts";
import { ChainruleError } from "../../core/errors.ts";
import { brief } from "../../core/format.ts";
import { zipLimit } from "../zip/zip.ts";
import { fieldsOf, footerParsers, parsers } from "./cells.ts";
import { codecs, type Room } from "./decompress.ts";
import { type Chunk, type Decoder, readChunk } from "./pages.ts";
import { Damaged, NoText, refuseParquet } from "./refuse.ts";
import { skipStruct } from "./thrift.ts";

/** A table out of a Parquet file: the fields of each column, as a CSV file would have them. */
export interface ParquetTable {
  readonly columns: readonly string[];
  /** By column, then by row; "" where a value is missing. */
  readonly fields: readonly (readonly string[])[];
  readonly rows: number;
}

const MAGIC = "PAR1";
const ENCRYPTED = "PARE";
const MOST_FOOTER = 2 ** 24;
const MOST_COLUMNS = 10_000;
/** Fields that a small file may have, that any may have, and how many for each byte: runs make millions of one value. */
const FREE_FIELDS = 2 ** 16;
const MOST_FIELDS = 2 ** 27;
const FIELDS_A_BYTE = 256;

/**
 * Reads a Parquet file of flat columns: numbers, texts, dates, true and false, each possibly missing; stored plainly, by a
 * dictionary or as differences; without compression or by Snappy, gzip or Zstandard. Everything that says how much is to
 * come is checked before it is decoded. Throws ChainruleError "file" naming the file and what is wrong: a column that is
 * nested, a compression that is not known, bytes that are no such file.
 */
export async function readParquet(name: string, bytes: Uint8Array): Promise<ParquetTable> {
  requireBytes(name, bytes);
  try {
    return await tableOf(name, bytes, footerOf(name, bytes));
  } catch (error) {
    if (error instanceof ChainruleError) throw error;
    // hyparquet leaves it to DataView and typed arrays to find out that a file ends early.
    const why = error instanceof Damaged ? error.message : "damaged or cut short";
    return refuseParquet(name, `not a Parquet file that can be read: ${why}`, error);
  }
}

function footerOf(name: string, bytes: Uint8Array): FileMetaData {
  const word = (at: number): string => String.fromCharCode(...bytes.subarray(at, at + 4));
  const end = word(bytes.length - 4);
  if (end === ENCRYPTED) refuseParquet(name, "an encrypted Parquet file; store it without encryption");
  if (bytes.length < 12 || word(0) !== MAGIC || end !== MAGIC) throw new Damaged("it does not begin and end with PAR1");
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 8, true);
  if (length > bytes.length - 12) throw new Damaged(`a footer of ${length} bytes in a file of ${bytes.length}`);
  if (length > MOST_FOOTER) refuseParquet(name, `a footer of ${length} bytes; at most ${MOST_FOOTER} are accepted`);
  const footer = bytes.subarray(bytes.length - 8 - length);
  skipStruct(footer.subarray(0, length), 0);
  return parquetMetadata(footer, { parsers: footerParsers, geoparquet: false });
}

async function tableOf(name: string, bytes: Uint8Array, footer: FileMetaData): Promise<ParquetTable> {
  const tree = parquetSchema(footer);
  const columns = flatColumns(name, tree);
  const rows = countOf(footer.num_rows);
  const most = Math.min(MOST_FIELDS, Math.max(FREE_FIELDS, bytes.length * FIELDS_A_BYTE));
  if (rows * columns.length > most) {
    refuseParquet(name, `${rows} rows of ${columns.length} columns, more than the ${most} fields that are accepted`);
  }
  // What the footer says of every chunk is looked at before the first is read.
  const chunks: (readonly [into: string[], Where, Chunk])[] = [];
  const fields: string[][] = columns.map(() => []);
  const room: Room = { left: zipLimit(bytes.length) };
  let seen = 0;
  for (const group of footer.row_groups) {
    const count = countOf(group.num_rows);
    seen += count;
    if (seen > rows || group.columns.length !== columns.length)
      throw new Damaged("row groups that do not fit the table");
    for (const [j, chunk] of group.columns.entries()) {
      const where: Where = { name, what: `column ${brief(columns[j]!.element.name)}` };
      chunks.push([fields[j]!, where, chunkOf(where, bytes, tree, columns[j]!, chunk, count, room)]);
    }
  }
  if (seen !== rows) throw new Damaged(`${seen} rows in its groups, ${rows} in all`);
  for (const [into, where, chunk] of chunks) {
    for (const field of await fieldsIn(where, chunk)) into.push(field);
  }
  return { columns: columns.map((column) => column.element.name), fields, rows };
}

function countOf(rows: bigint): number {
  const count = Number(rows);
  if (Number.isSafeInteger(count) && count >= 0) return count;
  throw new Damaged(`${rows} rows`);
}

const LEFT_OUT = "leave it out of the file";

function flatColumns(name: string, tree: SchemaTree): readonly SchemaTree[] {
  const columns = tree.children;
  if (columns.length === 0) refuseParquet(name, "a table without columns");
  if (columns.length > MOST_COLUMNS)
    refuseParquet(name, `${columns.length} columns; at most ${MOST_COLUMNS} are accepted`);
  for (const { element, children } of columns) {
    const nested = children.length > 0 || element.repetition_type === "REPEATED";
    const kind = element.logical_type?.type ?? element.converted_type;
    if (nested) refuseParquet(name, `column ${brief(element.name)} is nested (a list, a map or a struct); ${LEFT_OUT}`);
    if (["BSON", "INTERVAL", "GEOMETRY", "GEOGRAPHY", "VARIANT", "FILE"].includes(kind ?? "")) {
      refuseParquet(name, `column ${brief(element.name)} holds ${kind}, which is neither number nor text; ${LEFT_OUT}`);
    }
    // Numbers of any length would take any time.
    const wide = element.type === "BYTE_ARRAY" || (element.type_length ?? 0) > 32;
    if (element.converted_type === "DECIMAL" && wide)
      refuseParquet(name, `column ${brief(element.name)} holds decimals of any length`);
  }
  return columns;
}

/** The column of a file that is read, for messages. */
interface Where {
  readonly name: string;
  readonly what: string;
}

/** Where a chunk lies and how it is read, all of it checked. */
function chunkOf(
  { name, what }: Where,
  bytes: Uint8Array,
  tree: SchemaTree,
  column: SchemaTree,
  chunk: ColumnChunk,
  rows: number,
  room: Room,
): Chunk {
  const { element } = column;
  const { meta_data: data } = chunk;
  if (chunk.file_path) refuseParquet(name, `${what} lies in another file, ${brief(chunk.file_path)}`);
  if (!data || chunk.crypto_metadata) return refuseParquet(name, `${what} is encrypted`);
  if (data.path_in_schema.join(".") !== element.name || data.type !== element.type) {
    throw new Damaged(`${what} is not where the table has it`);
  }
  if (!codecs.has(data.codec)) {
    const known = [...codecs].map((codec) => codec.toLowerCase()).join(", ");
    refuseParquet(name, `${what} is compressed by ${data.codec ?? "an unknown codec"}; known are ${known}`);
  }
  const first = Math.min(...[data.dictionary_page_offset, data.data_page_offset].filter((at) => at).map(Number));
  const size = Number(data.total_compressed_size);
  if (!(first >= 4 && size >= 0 && first + size <= bytes.length)) throw new Damaged(`${what} lies outside the file`);
  const decoder: Decoder = {
    pathInSchema: [element.name],
    element,
    schemaPath: [tree, column],
    parsers,
    ...data,
    codec: "UNCOMPRESSED",
  };
  return { bytes: bytes.subarray(first, first + size), rows, codec: data.codec, decoder, room };
}

async function fieldsIn({ name, what }: Where, chunk: Chunk): Promise<string[]> {
  try {
    return (await readChunk(chunk)).flatMap(fieldsOf);
  } catch (error) {
    if (error instanceof NoText)
      refuseParquet(name, `${what} holds bytes that are neither number nor text; ${LEFT_OUT}`, error);
    if (error instanceof Damaged) throw new Damaged(`${what}: ${error.message}`, { cause: error });
    throw error;
  }
}
