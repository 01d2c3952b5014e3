import { quote } from "../core/format.ts";
import { foreignBytes, foreignText } from "./csv-foreign.ts";
import { type FieldReader, fieldReader, type TableFormat } from "./csv-format.ts";
import { looksLikeDate, readingOf } from "./csv-looks.ts";
import { type CsvRecord, csvRecords } from "./csv-records.ts";
import { tellSeparator } from "./csv-separator.ts";
import { tableError } from "./table-fault.ts";

/** Rows of a table under named columns. */
export interface Table {
  /** Of the first record. */
  readonly line: number;
  /** What `line` counts, here and in the records. */
  readonly unit: "line" | "row";
  /** Column name -> index, without those that are ignored. */
  readonly columns: ReadonlyMap<string, number>;
  readonly records: readonly CsvRecord[];
  readonly reader: FieldReader;
  /** What lies between the fields of a text. */
  readonly separator?: string;
  /** Columns without a name that only number the rows or hold nothing, by position from 1. */
  readonly ignored: readonly number[];
  /** Names that are numbers, where the first line may be a row all the same. */
  readonly doubtful: readonly string[];
}

/** Separators in words, for messages. */
const MARKS: Readonly<Record<string, string>> = { ";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces" };

/** The header and the rows of a CSV file, each with as many fields as the header. Throws ChainruleError "data". */
export function readTable(name: string, file: string | Uint8Array, format: TableFormat = {}): Table {
  const reader = fieldReader(format);
  const text = decode(name, file);
  const foreign = foreignText(text);
  if (foreign !== null) {
    const fault = { fault: "foreign", way: foreign[0], values: { file: name } } as const;
    throw tableError(`${name}: no table of text, but ${foreign[1]}`, fault);
  }
  const { separator, skip } = tellSeparator(text, reader, format.separator);
  const all = csvRecords(name, skip > 0 ? text.slice(skip) : text, separator, skip > 0 ? 2 : 1);
  const given = all[0];
  if (!given) throw tableError(`${name}: the file is empty`, { fault: "empty", values: { file: name } });
  const records = format.header === false ? all : all.slice(1);
  const first = withLast(given, records);
  if (records.length === 0) {
    throw tableError(`${name}: a header and no rows`, { fault: "noRows", values: { file: name } });
  }
  for (const { line, fields } of records) {
    if (fields.length === first.fields.length) continue;
    const what = format.header === false ? `line ${first.line}` : "the header";
    const some = fields.length === 1 ? "1 field" : `${fields.length} fields`;
    const counts = `${some} where ${what} has ${first.fields.length}`;
    const marks = separator === "," ? "" : ` (between ${MARKS[separator] ?? quote(separator)})`;
    const values = { file: name, line, count: fields.length, wanted: first.fields.length, first: first.line };
    const way = whyMore(first, records, fields);
    const text = way ? wayTexts[way](first.line) : "";
    throw tableError(`${name}, line ${line}: ${counts}${marks}${text}`, { fault: "width", way, values });
  }
  const common = { line: first.line, unit: "line", records, reader, separator } as const;
  if (format.header === false) {
    const columns = new Map(first.fields.map((_, i) => [`c${i + 1}`, i] as const));
    return { ...common, columns, ignored: [], doubtful: [] };
  }
  const doubtful = format.header ? [] : requireNames(name, first, records, reader);
  return { ...common, ...namedColumns(name, first, records), doubtful };
}

/** The first line, with a nameless column behind it where every row ends in a separator and it does not. */
function withLast(first: CsvRecord, records: readonly CsvRecord[]): CsvRecord {
  const width = first.fields.length + 1;
  if (!records.every(({ fields }) => fields.length === width && fields.at(-1)!.trim() === "")) return first;
  return { ...first, fields: [...first.fields, ""] };
}

/** What makes a row, or the first line, differ from all others. */
function whyMore(first: CsvRecord, records: readonly CsvRecord[], fields: readonly string[]) {
  const width = records.at(-1)!.fields.length;
  if (first.fields[0]!.startsWith("#")) return "comment";
  if (fields[0]!.startsWith("#")) return "commentRow";
  if (first.fields.length === 1 && width > 1) return "title";
  return records.every((record) => record.fields.length === first.fields.length + 1) ? "rowNames" : undefined;
}

const wayTexts = {
  comment: (line: number) => `; if line ${line} is a comment, take it off`,
  commentRow: () => "; a comment is no row: take it off",
  title: (line: number) => `; if line ${line} is no header but a title, take it off`,
  rowNames: () => "; if the first field of each row is its name, as R writes, name that column in the header too",
} as const;

/** Bytes that are looked at for zeros. */
const HEAD = 1024;

function decode(name: string, file: string | Uint8Array): string {
  if (typeof file === "string") return file.startsWith("\uFEFF") ? file.slice(1) : file;
  const fail = (why: string, fault: "notUtf8" | "utf16" | "zeroBytes"): never => {
    throw tableError(`${name}: not UTF-8 text${why}; save it as UTF-8`, { fault, values: { file: name } });
  };
  const foreign = foreignBytes(file);
  if (foreign !== null) {
    const fault = { fault: "foreign", way: foreign[0], values: { file: name } } as const;
    throw tableError(`${name}: no text, but ${foreign[1]}`, fault);
  }
  const [first, second] = file;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff))
    fail(", it has the mark of UTF-16", "utf16");
  // Read as UTF-8, UTF-16 without its mark has one beside every letter.
  if (file.subarray(0, HEAD).includes(0)) fail(", it holds zero bytes, as UTF-16 does", "zeroBytes");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(file); // drops a byte order mark
  } catch {
    return fail("", "notUtf8");
  }
}

/** Column name -> index. A nameless first column is an index that pandas or R wrote; one that is empty holds nothing. */
function namedColumns(
  name: string,
  { line, fields }: CsvRecord,
  records: readonly CsvRecord[],
): Pick<Table, "columns" | "ignored"> {
  const fail = (message: string, fault: "twins" | "nameless" | "noNames", values = {}): never => {
    throw tableError(`${name}, line ${line}: ${message}`, { fault, values: { file: name, line, ...values } });
  };
  const columns = new Map<string, number>();
  const ignored: number[] = [];
  fields.forEach((field, i) => {
    const column = field.trim();
    if (columns.has(column)) {
      const message = `two columns are named ${quote(column)}: give one another name in the file`;
      fail(message, "twins", { column: quote(column) });
    }
    if (column !== "") columns.set(column, i);
    else if (i === 0 || records.every((r) => r.fields[i]!.trim() === "")) ignored.push(i + 1);
    else {
      fail(`column ${i + 1} has no name: give it one, and take off what stands above the names`, "nameless", {
        at: i + 1,
      });
    }
  });
  if (columns.size === 0) fail("no column has a name", "noNames");
  return { columns, ignored };
}

/** Rows in which one like the first line is looked for. */
const SOME = 100;

/**
 * Refuses a first line without a name in it: numbers that do not count up as years or positions do, dates, and texts that
 * are again further down in their columns. Gives the names that are numbers, where they are not 0, 1, 2, ... either.
 */
function requireNames(
  name: string,
  { line, fields }: CsvRecord,
  records: readonly CsvRecord[],
  reader: FieldReader,
): readonly string[] {
  const texts = fields.map((field) => field.trim());
  /** With signs it is one where it has rows like itself below: "10km" above 2 and 3 is a name. */
  const isNumber = (text: string, i: number): boolean => {
    if (!Number.isNaN(reader.number(text))) return true;
    const reading = readingOf([text]);
    if (typeof reading !== "string") return reading !== null;
    return records.slice(0, SOME).some(({ fields: row }) => readingOf([row[i]!.trim()]) === reading);
  };
  const numbers = texts.filter(isNumber);
  const values = numbers.map(reader.number);
  const counting = values.every((v, i) => Number.isSafeInteger(v) && v >= 0 && (i === 0 || v > values[i - 1]!));
  /** A row that holds the text again, or null for what no row need hold. */
  const again = (text: string, i: number): number | undefined =>
    records.find((r) => r.fields[i]!.trim() === text)?.line;
  const named = texts.findIndex(
    (text, i) => text !== "" && !isNumber(text, i) && !looksLikeDate(text) && again(text, i) === undefined,
  );
  if (named >= 0 && counting) {
    const inOrder = values.every((v, i) => v === values[0]! + i) && (values[0] === 0 || values[0] === 1);
    return inOrder ? [] : numbers;
  }
  const [number, text] = [numbers[0], texts.findIndex((t, i) => t !== "" && !isNumber(t, i))];
  const repeated = text >= 0 ? again(texts[text]!, text) : undefined;
  const reasons = [
    ...(number === undefined ? [] : [`${quote(number)} is a number`]),
    ...(repeated === undefined ? [] : [`${quote(texts[text]!)} is again in line ${repeated}`]),
  ];
  const why = reasons.length > 0 ? `: ${reasons.join(", ")}` : "";
  const way = "if it is a row, say --no-header (header: false); if these are names, --header (header: true)";
  const value = quote(number ?? texts.find((t) => t !== "") ?? "");
  throw tableError(`${name}, line ${line}: the first line does not name the columns${why}; ${way}`, {
    fault: "names",
    values: { file: name, line, value },
  });
}
