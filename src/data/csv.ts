import { ChainruleError } from "../core/errors.ts";
import { cast, ndarray } from "../core/ndarray.ts";
import { classColumn, columnKinds, encodeColumns, encodedNames, isMissing, isNumber } from "./csv-columns.ts";
import { type CsvRecord, csvRecords } from "./csv-records.ts";
import { type Column, type Dataset, validateDataset } from "./dataset.ts";

/** What the columns of a CSV file are for. */
export interface CsvOptions {
  /**
   * Column(s) to predict, by name. A regression may have several. Without it: the last column that is named label,
   * class, target, species or y (in any case), else the last column of the file.
   */
  readonly label?: string | readonly string[];
  /** Columns to learn from, in this order. Without it: all that are not predicted. */
  readonly features?: readonly string[];
  /** Columns of the features to take as categories, though they hold numbers. Columns without any number need no mention. */
  readonly categorical?: readonly string[];
  /** "classification" (the default) makes class indices, "regression" takes the label column as numbers. */
  readonly task?: "classification" | "regression";
  /** What to do with a row where a field in use is empty, "NA" or "?": "refuse" (the default) or "drop". */
  readonly missing?: "refuse" | "drop";
  /** Origin and licence, in one line. */
  readonly source?: string;
}

const LABEL_NAMES = new Set(["label", "class", "target", "species", "y"]);

/** Rows of a table under named columns. */
export interface Table {
  /** Of the header. */
  readonly line: number;
  /** Column name -> index. */
  readonly columns: ReadonlyMap<string, number>;
  readonly records: readonly CsvRecord[];
}

/** The header and the rows of a CSV file, each with as many fields as the header. Throws ChainruleError "data". */
export function readTable(name: string, file: string | Uint8Array): Table {
  const [header, ...records] = csvRecords(name, decode(name, file));
  if (!header) throw new ChainruleError("data", `${name}: the file is empty`);
  const columns = columnIndex(name, header);
  if (records.length === 0) throw new ChainruleError("data", `${name}: a header and no rows`);
  for (const { line, fields } of records) {
    if (fields.length !== columns.size) {
      const counts = `${fields.length} fields where the header has ${columns.size}`;
      throw new ChainruleError("data", `${name}, line ${line}: ${counts}`);
    }
  }
  return { line: header.line, columns, records };
}

/** The rows in which none of the columns is missing, or all of them where missing values are refused later. */
export function presentRows(
  name: string,
  { columns, records }: Table,
  names: readonly string[],
  missing: "refuse" | "drop",
): readonly CsvRecord[] {
  if (missing === "refuse") return records;
  const used = names.map((column) => columns.get(column)!);
  const rows = records.filter(({ fields }) => used.every((i) => !isMissing(fields[i]!)));
  if (rows.length === 0) throw new ChainruleError("data", `${name}: every row has a missing value`);
  return rows;
}

/**
 * Reads CSV text (or its UTF-8 bytes) with a header line. A feature is a column of numbers, or of categories, which
 * become a column each (`columns` says how): see columnKinds. Classes are the distinct labels,
 * in numerical order when all are whole numbers, else in the order of their code units; their indices make up `y`.
 * Throws ChainruleError "data" that names the line (from 1) and the column.
 */
export function readCsv(name: string, file: string | Uint8Array, options: CsvOptions = {}): Dataset {
  const table = readTable(name, file);
  const { columns, records } = table;
  if (columns.size < 2) {
    const needed = "at least a feature and a label are needed, with commas between them";
    throw new ChainruleError("data", `${name}, line ${table.line}: one column; ${needed}`);
  }
  const { task = "classification", categorical = [], missing = "refuse" } = options;
  const targets = options.label === undefined ? [defaultLabel([...columns.keys()])] : [options.label].flat();
  const features = options.features ?? [...columns.keys()].filter((column) => !targets.includes(column));
  requireColumns(name, columns, targets, features, task);
  const stray = categorical.find((column) => !features.includes(column));
  if (stray !== undefined) throw new ChainruleError("data", `${name}: "${stray}" is to be categorical, and no feature`);
  const rows = presentRows(name, table, [...features, ...targets], missing);
  const dropped = records.length - rows.length;
  const encoded = (kinds: readonly Column[]) => {
    const names = encodedNames(kinds);
    return { names, array: ndarray([rows.length, names.length], "f64", encodeColumns(name, rows, kinds, columns)) };
  };
  const kinds = columnKinds(name, rows, features, columns, categorical);
  const x = encoded(kinds);
  const common = {
    name,
    x: x.array,
    columns: kinds,
    features: x.names,
    targets,
    ...(options.source ? { source: options.source } : {}),
    ...(dropped > 0 ? { preparation: `${dropped} of ${records.length} rows dropped for missing values` } : {}),
  };
  if (task === "regression") {
    const y = encoded(targets.map((target) => ({ name: target, categories: null })));
    return validateDataset({ ...common, y: cast(y.array, "f32") });
  }
  const { labels, classes } = classColumn(name, rows, targets[0]!, columns.get(targets[0]!)!);
  return validateDataset({ ...common, y: ndarray([rows.length], "i32", labels), classes });
}

function decode(name: string, file: string | Uint8Array): string {
  if (typeof file === "string") return file.startsWith("\uFEFF") ? file.slice(1) : file;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(file); // drops a byte order mark
  } catch (cause) {
    throw new ChainruleError("data", `${name}: not UTF-8 text`, { cause });
  }
}

/** Column name -> index. */
function columnIndex(name: string, { line, fields }: CsvRecord): ReadonlyMap<string, number> {
  const fail = (message: string): never => {
    throw new ChainruleError("data", `${name}, line ${line}: ${message}`);
  };
  const columns = new Map<string, number>();
  fields.forEach((field, i) => {
    const column = field.trim();
    if (column === "") fail(`column ${i + 1} has no name`);
    if (columns.has(column)) fail(`two columns are named "${column}"`);
    columns.set(column, i);
  });
  if (fields.every((field) => isNumber(field))) fail("only numbers; the first line must name the columns");
  return columns;
}

function defaultLabel(columns: readonly string[]): string {
  return columns.findLast((column) => LABEL_NAMES.has(column.toLowerCase())) ?? columns.at(-1)!;
}

function requireColumns(
  name: string,
  columns: ReadonlyMap<string, number>,
  targets: readonly string[],
  features: readonly string[],
  task: string,
): void {
  const fail = (message: string): never => {
    throw new ChainruleError("data", `${name}: ${message}`);
  };
  const wanted = [...features, ...targets];
  for (const column of wanted) {
    if (!columns.has(column)) fail(`no column "${column}"; the header has ${[...columns.keys()].join(", ")}`);
  }
  if (new Set(wanted).size !== wanted.length) fail("a column is asked for twice, or as feature and label");
  if (features.length === 0) fail("no column is left to learn from");
  if (targets.length === 0) fail("no label column");
  if (task === "classification" && targets.length > 1)
    fail(`one label column makes classes, got ${targets.join(", ")}`);
}
