import { ChainruleError } from "../core/errors.ts";
import { ndarray } from "../core/ndarray.ts";
import { classColumn, isMissing, isNumber, numericColumns } from "./csv-columns.ts";
import { type CsvRecord, csvRecords } from "./csv-records.ts";
import { type Dataset, validateDataset } from "./dataset.ts";

/** What the columns of a CSV file are for. */
export interface CsvOptions {
  /**
   * Column(s) to predict, by name. A regression may have several. Without it: the last column that is named label,
   * class, target, species or y (in any case), else the last column of the file.
   */
  readonly label?: string | readonly string[];
  /** Columns to learn from, in this order. Without it: all that are not predicted. */
  readonly features?: readonly string[];
  /** "classification" (the default) makes class indices, "regression" takes the label column as numbers. */
  readonly task?: "classification" | "regression";
  /** What to do with a row where a field in use is empty, "NA" or "?": "refuse" (the default) or "drop". */
  readonly missing?: "refuse" | "drop";
  /** Origin and licence, in one line. */
  readonly source?: string;
}

const LABEL_NAMES = new Set(["label", "class", "target", "species", "y"]);

/**
 * Reads CSV text (or its UTF-8 bytes) with a header line. Features must be numbers. Classes are the distinct labels,
 * in numerical order when all are whole numbers, else in the order of their code units; their indices make up `y`.
 * Throws ChainruleError "data" that names the line (from 1) and the column.
 */
export function readCsv(name: string, file: string | Uint8Array, options: CsvOptions = {}): Dataset {
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
  const task = options.task ?? "classification";
  const targets = options.label === undefined ? [defaultLabel([...columns.keys()])] : [options.label].flat();
  const features = options.features ?? [...columns.keys()].filter((column) => !targets.includes(column));
  requireColumns(name, columns, targets, features, task);
  const used = [...features, ...targets].map((column) => columns.get(column)!);
  const rows =
    options.missing === "drop" ? records.filter(({ fields }) => used.every((i) => !isMissing(fields[i]!))) : records;
  if (rows.length === 0) throw new ChainruleError("data", `${name}: every row has a missing value`);
  const dropped = records.length - rows.length;
  const numbers = (names: readonly string[]) =>
    ndarray([rows.length, names.length], "f32", numericColumns(name, rows, names, columns));
  const x = numbers(features);
  const common = {
    name,
    x,
    features,
    targets,
    ...(options.source ? { source: options.source } : {}),
    ...(dropped > 0 ? { preparation: `${dropped} of ${records.length} rows dropped for missing values` } : {}),
  };
  if (task === "regression") return validateDataset({ ...common, y: numbers(targets) });
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
  if (columns.size < 2) fail("one column; at least a feature and a label are needed, with commas between them");
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
