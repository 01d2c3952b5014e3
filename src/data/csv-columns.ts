import { ChainruleError } from "../core/errors.ts";
import { quote } from "../core/format.ts";
import { type FieldReader, fieldReader } from "./csv-format.ts";
import { flagOf, haveZeros, plainly, type Reading, readingOf } from "./csv-looks.ts";
import type { CsvRecord } from "./csv-records.ts";
import type { Table } from "./csv-table.ts";
import type { Column } from "./dataset.ts";
import { type TableFault, tableError, type Way } from "./table-fault.ts";
import { readingText, strayText } from "./table-notice.ts";

/** Columns that one column of categories may become: a name or an identifier has a text of its own in every row. */
const MOST_CATEGORIES = 256;
/** Values that the columns of x may hold together: 2 GiB as f64. */
const MOST_VALUES = 2 ** 28;

/** The rows of a table that are used. */
export type TableRows = Pick<Table, "columns" | "reader" | "unit"> & {
  readonly name: string;
  readonly records: readonly CsvRecord[];
};

/** The texts of a column, one a row. */
export function textsOf({ columns, records }: TableRows, column: string): string[] {
  const at = columns.get(column)!;
  return records.map(({ fields }) => fields[at]!.trim());
}

/**
 * What each named column is: numbers, or categories where it is asked for or no text in it is meant as a number. A column
 * of both is numbers with a mistake in it, which `encodeColumns` refuses by line.
 * Throws ChainruleError "data" for a column with a text of its own in too many rows.
 */
export function columnKinds(table: TableRows, names: readonly string[], categorical: readonly string[]): Column[] {
  const { reader, name } = table;
  return names.map((column) => {
    const at = table.columns.get(column)!;
    const isText = ({ fields }: CsvRecord): boolean => !meantAsNumber(fields[at]!.trim(), reader);
    if (!categorical.includes(column) && !table.records.every(isText)) return { name: column, categories: null };
    const texts = textsOf(table, column).filter((text) => !reader.isMissing(text));
    const { values } = distinct(texts, reader);
    if (values.length <= MOST_CATEGORIES) return { name: column, categories: values };
    const message = `${values.length} different texts, more than the ${MOST_CATEGORIES} that are taken as categories`;
    const reading = categorical.includes(column) ? null : readingOf(values);
    const [value] = values as [string];
    const way = reading ? `${quote(value)} is a number ${readingText(reading, value)}` : "leave it out of the features";
    throw tableError(`${name}, column ${quote(column)}: ${message}; ${way}`, {
      fault: "many",
      way: reading ? wayOf(reading) : "leaveOut",
      values: {
        ...{ file: name, column: quote(column), count: values.length, most: MOST_CATEGORIES },
        plain: plainly(value) ?? "",
      },
    });
  });
}

/**
 * The columns of the rows as f64 [rows, width], row-major: a number as it is, categories as one column each, of which one
 * is 1.
 * Throws ChainruleError "data" naming line and column for a missing value, text in place of a number, a number beyond
 * f32, and a category that is not among the column's.
 */
export function encodeColumns(table: TableRows, kinds: readonly Column[]): Float64Array {
  const { name, records } = table;
  const width = widthOf(kinds);
  if (records.length * width > MOST_VALUES) {
    const message = `${records.length} rows of ${width} values, more than the ${MOST_VALUES} values that are accepted`;
    throw new ChainruleError("data", `${name}: ${message}`);
  }
  const out = new Float64Array(records.length * width);
  let at = 0;
  for (const kind of kinds) {
    if (kind.categories) encodeCategories(table, kind.name, kind.categories, out.subarray(at), width);
    else encodeNumbers(table, kind.name, out.subarray(at), width);
    at += kind.categories?.length ?? 1;
  }
  return out;
}

function encodeNumbers(table: TableRows, column: string, out: Float64Array, width: number): void {
  const { records, reader } = table;
  const at = table.columns.get(column)!;
  for (let i = 0; i < records.length; i++) {
    const text = records[i]!.fields[at]!.trim();
    const value = reader.number(text);
    if (!Number.isFinite(Math.fround(value)) || reader.isMissing(text)) failAt(table, i, column, text);
    out[i * width] = value;
  }
}

function failAt(table: TableRows, row: number, column: string, text: string): never {
  if (table.reader.isMissing(text)) throw missingError(table, row, column, text, "a value is missing");
  // A number that is too large is one already.
  const reading = Number.isNaN(table.reader.number(text)) ? readingOf([text]) : null;
  const read = reading && ([wayOf(reading), `; it is one ${readingText(reading, text)}`] as const);
  const [way, said] = read ?? secondHeader(table, row) ?? unreadable(text) ?? [undefined, ""];
  const plain = /^0x/i.test(text) ? Number(text) : (plainly(text) ?? "");
  const values = { value: quote(text), plain, first: table.records[0]!.line };
  const message = `${quote(text)} is not a number that f32 can hold${said}`;
  throw lineError(table, row, column, message, { fault: "number", way, values });
}

/** The same, as a page says it. */
function wayOf(reading: Reading): Way {
  return reading === "signs" || reading === "units" ? reading : reading === "written" ? "plainly" : "marks";
}

/** Whether a first row without any number stands above rows that have some: it is no row, or what is above it names nothing. */
function secondHeader({ records, reader }: TableRows, row: number): Said | null {
  const [first, second] = records;
  if (row > 0 || !second) return null;
  const isNumber = (text: string): boolean => !Number.isNaN(reader.number(text.trim()));
  const names = first!.fields.every((text) => text.trim() !== "" && !isNumber(text));
  if (!names || second.fields.filter(isNumber).length < 2) return null;
  const line = `line ${first!.line}`;
  return [
    "above",
    `; where ${line} names the columns, take off what stands above it, and where it names their units, itself`,
  ];
}

/** What to do, for a page and in English. */
type Said = readonly [way: Way, text: string];

/** What a text may be where numbers are expected: "-", "missing", "9 (estimated)". */
function unreadable(text: string): Said | null {
  if (/^0x/i.test(text)) return ["plainly", `; write it as ${Number(text)}`];
  if (NO_NUMBER.test(text))
    return ["noNumber", "; leave the field empty where there is no number, and say --missing drop"];
  if (!Number.isNaN(plain.number(text))) return null;
  if (flagOf(text) !== null)
    return ["flags", "; write 1 and 0, which true and false are read as where every label is one of these"];
  return ["stray", `; ${strayText(quote(text))}`];
}

/** Says what stands there for a missing value, where that is not plainly nothing, and the way out. */
function missingError(table: TableRows, row: number, column: string, text: string, what: string): ChainruleError {
  const { records, reader, columns } = table;
  const at = columns.get(column)!;
  const everywhere = records.every(({ fields }) => reader.isMissing(fields[at]!.trim()));
  const shown = text === "" ? "" : ` (${quote(text)})`;
  const said = everywhere
    ? ", as in every row: leave the column out of the file, or of --features (features: ...)"
    : `${shown}; --missing drop leaves such rows out (missing: "drop")`;
  const way = everywhere ? "everywhere" : undefined;
  return lineError(table, row, column, `${what}${said}`, { fault: "missing", way, values: {} });
}

function lineError(
  { name, unit, records }: TableRows,
  row: number,
  column: string,
  message: string,
  { fault, way, values }: TableFault,
): ChainruleError {
  const { line } = records[row]!;
  const text = `${name}, ${unit} ${line}, column ${quote(column)}: ${message}`;
  return tableError(text, { fault, way, values: { file: name, unit, line, column: quote(column), ...values } });
}

function encodeCategories(
  table: TableRows,
  column: string,
  categories: readonly string[],
  out: Float64Array,
  width: number,
): void {
  const known = new Map(categories.map((text, i) => [text, i]));
  const keyOf = keyFor(categories, table.reader);
  textsOf(table, column).forEach((text, i) => {
    if (table.reader.isMissing(text)) throw missingError(table, i, column, text, "a value is missing");
    const index = known.get(keyOf(text));
    if (index === undefined) {
      const where = `${table.name}, ${table.unit} ${table.records[i]!.line}, column ${quote(column)}`;
      throw new ChainruleError("data", `${where}: ${quote(text)} is not among ${listed(categories)}`);
    }
    out[i * width + index] = 1;
  });
}

/** Columns of x that these columns of the file become. */
export function widthOf(kinds: readonly Column[]): number {
  return kinds.reduce((sum, { categories }) => sum + (categories?.length ?? 1), 0);
}

/** Names of the columns of x: "mass", "species=pine". */
export function encodedNames(kinds: readonly Column[]): string[] {
  return kinds.flatMap(({ name, categories }) => categories?.map((text) => `${name}=${text}`) ?? [name]);
}

/**
 * One column as classes: the label of each row as an index into `classes`, the sorted distinct labels; 0 beside 1, where
 * all are 1.
 * Throws ChainruleError "data" naming line and column for a missing label.
 */
export function classColumn(table: TableRows, column: string): { labels: number[]; classes: string[] } {
  const texts = textsOf(table, column);
  const blank = texts.findIndex((text) => table.reader.isMissing(text));
  if (blank >= 0) throw missingError(table, blank, column, texts[blank]!, "the label is missing");
  const { keys, values } = distinct(texts, table.reader);
  const classes = values.length === 1 && values[0] === "1" ? ["0", "1"] : values;
  const index = new Map(classes.map((label, i) => [label, i]));
  return { labels: keys.map((key) => index.get(key)!), classes };
}

/** What f32 cannot hold, and files mean as a number all the same: no category. */
const NO_NUMBER = /^(?:0x[\da-f]+|[+-]?(?:nan|inf|infinity))$/i;
const plain = fieldReader();

/** A number of the format; or one with a point where the format has commas, which is a mistake and no category. */
function meantAsNumber(text: string, reader: FieldReader): boolean {
  const isNumber = !Number.isNaN(reader.number(text)) || !Number.isNaN(plain.number(text)) || NO_NUMBER.test(text);
  return isNumber && !reader.isMissing(text);
}

/**
 * Texts that are all numbers are compared as numbers: "1", "01" and "1.0" are one. Adding 0 turns -0 into 0. Codes with
 * leading zeros, each always written alike, stay as they are.
 */
function keyFor(texts: readonly string[], reader: FieldReader): (text: string) => string {
  // Beyond these two numbers in a row are one.
  const isNumber = (text: string): boolean => Math.abs(reader.number(text)) <= Number.MAX_SAFE_INTEGER;
  const codes = haveZeros(texts) && new Set(texts).size === new Set(texts.map(Number)).size;
  if (codes || !texts.every(isNumber)) return (text) => text;
  return (text) => (isNumber(text) ? String(reader.number(text) + 0) : text);
}

/** Each text's key, and the distinct keys: in numerical order where all are numbers, else by their code units. */
function distinct(texts: readonly string[], reader: FieldReader): { keys: string[]; values: string[] } {
  const keys = texts.map(keyFor(texts, reader));
  const values = [...new Set(keys)];
  const numeric = values.every((key) => !Number.isNaN(plain.number(key)));
  return { keys, values: values.sort(numeric ? (a, b) => Number(a) - Number(b) : undefined) };
}

/** Some of them, and how many more there are. */
export function listed(texts: readonly string[]): string {
  const shown = texts.slice(0, 5).map(quote).join(", ");
  return texts.length > 5 ? `${shown} and ${texts.length - 5} more` : shown;
}
