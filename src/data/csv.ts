import { ChainruleError } from "../core/errors.ts";
import { quote } from "../core/format.ts";
import { cast, ndarray } from "../core/ndarray.ts";
import { classColumn, columnKinds, encodeColumns, encodedNames, type TableRows, textsOf } from "./csv-columns.ts";
import type { TableFormat } from "./csv-format.ts";
import { flagOf } from "./csv-looks.ts";
import { columnNotices, mergedColumns } from "./csv-notices.ts";
import type { CsvRecord } from "./csv-records.ts";
import { readTable, type Table } from "./csv-table.ts";
import { type Column, type Dataset, type DroppedRows, validateDataset } from "./dataset.ts";
import { tableError } from "./table-fault.ts";
import type { TableNotice } from "./table-notice.ts";
import { type Task, taskOf, taskOfSeveral } from "./task.ts";

/** What the columns of a CSV file are for, and how its fields are written. */
export interface CsvOptions extends TableFormat {
  /**
   * Column(s) to predict, by name. A regression may have several. Without it: the last column that is named label,
   * class, target, species or y (in any case), else the last column of the file.
   */
  readonly label?: string | readonly string[];
  /** Columns to learn from, in this order. Without it: all that are not predicted. */
  readonly features?: readonly string[];
  /** Columns of the features to take as categories, though they hold numbers. Columns without any number need no mention. */
  readonly categorical?: readonly string[];
  /**
   * "classification" makes class indices, "regression" and "multilabel" take the label columns as numbers. Without it the
   * labels tell: texts and few whole numbers are classes, others a regression, several columns of 0 and 1 (or true and
   * false, yes and no) labels.
   */
  readonly task?: Task;
  /** What to do with a row where a field in use is missing: "refuse" (the default) or "drop". */
  readonly missing?: "refuse" | "drop";
  /** Origin and licence, in one line. */
  readonly source?: string;
}

const LABEL_NAMES = new Set(["label", "class", "target", "species", "y"]);
/** A nameless index that pandas has read and written again, or written to a Parquet file. */
const NAMED_INDEX = /^(?:Unnamed: 0(?:\.\d+)?|__index_level_\d+__)$/;

/** The rows in which none of the columns is missing, or all of them where missing values are refused later. */
export function presentRows(
  name: string,
  { columns, records, reader }: Table,
  names: readonly string[],
  missing: "refuse" | "drop",
): { readonly rows: readonly CsvRecord[]; readonly dropped: DroppedRows } {
  if (missing === "refuse") return { rows: records, dropped: { rows: 0, columns: [] } };
  const lacking = names.map((column) => ({ column, rows: 0 }));
  const rows = records.filter(({ fields }) => {
    const absent = lacking.filter(({ column }) => reader.isMissing(fields[columns.get(column)!]!.trim()));
    for (const each of absent) each.rows++;
    return absent.length === 0;
  });
  const dropped = { rows: records.length - rows.length, columns: lacking.filter((each) => each.rows > 0) };
  if (rows.length === 0) {
    const why = dropped.columns.map(({ column, rows }) => `"${column}" in ${rows}`).join(", ");
    throw tableError(`${name}: every row has a missing value (${why} of ${records.length})`, {
      fault: "lacking",
      values: { file: name, why: `${why} / ${records.length}` },
    });
  }
  return { rows, dropped };
}

/**
 * Reads CSV text (or its UTF-8 bytes) with a header line; commas, semicolons, tabs or bars (|) lie between the fields, as the file
 * tells, or what `separator` says. A feature is a column of numbers, or of categories, which become a column each (`columns` says how): see
 * columnKinds. x is f64 and holds numbers as the file does. Classes are the distinct labels, in numerical order when all
 * are numbers, else in the order of their code units; their indices make up `y`. What was decided on the way, and what of
 * it may be meant otherwise, is in `table`.
 * Throws ChainruleError "data" that names the line (from 1) and the column.
 */
export function readCsv(name: string, file: string | Uint8Array, options: CsvOptions = {}): Dataset {
  const table = readTable(name, file, options);
  if (table.columns.size < 2) {
    const needed = "at least a feature and a label are needed, with commas, semicolons, tabs or | between them";
    const way = "or say what lies there with --separator (separator: ...)";
    const values = { file: name, line: table.line };
    throw tableError(`${name}, line ${table.line}: one column; ${needed}, ${way}`, { fault: "oneColumn", values });
  }
  return tableDataset(name, table, options);
}

/** A data set from the rows of any table, see readCsv. */
export function tableDataset(name: string, table: Table, options: CsvOptions): Dataset {
  const { columns, records, reader, unit } = table;
  const { categorical = [], missing = "refuse" } = options;
  const targets = options.label === undefined ? [defaultLabel([...columns.keys()])] : [options.label].flat();
  const index = [...columns.keys()].filter((column) => NAMED_INDEX.test(column) && !targets.includes(column));
  const features =
    options.features ?? [...columns.keys()].filter((column) => !targets.includes(column) && !index.includes(column));
  requireColumns(name, columns, targets, features, options.task);
  const stray = categorical.find((column) => !features.includes(column));
  if (stray !== undefined) throw new ChainruleError("data", `${name}: "${stray}" is to be categorical, and no feature`);
  const { rows, dropped } = presentRows(name, table, [...features, ...targets], missing);
  const used: TableRows = { name, columns, reader, unit, records: rows };
  const labelTexts = targets.map((target) => textsOf(used, target));
  const known = labelTexts.map((texts) => texts.filter((text) => !reader.isMissing(text)));
  const task = options.task ?? (known.length > 1 ? taskOfSeveral(known, reader) : taskOf(known[0]!, reader));
  const encoded = (kinds: readonly Column[], from = used) => {
    const names = encodedNames(kinds);
    return { names, array: ndarray([rows.length, names.length], "f64", encodeColumns(from, kinds)) };
  };
  const kinds = columnKinds(used, features, categorical);
  const x = encoded(kinds);
  const lines = rows.map(({ line }) => line);
  const semicolons = table.separator === ";" && options.decimal === undefined && options.thousands === undefined;
  const textsIn = (column: string, texts = textsOf(used, column)) => ({ column, texts, lines, unit, semicolons });
  const notices = [
    ...table.doubtful.slice(0, 1).map((value): TableNotice => ({ kind: "names", column: value, value })),
    ...kinds.flatMap(({ name: column, categories }) =>
      columnNotices(textsIn(column), reader, categories ? "categories" : "numbers"),
    ),
    ...labelTexts.flatMap((texts, i) =>
      columnNotices(textsIn(targets[i]!, texts), reader, task === "classification" ? "classes" : "targets"),
    ),
  ];
  const skipped = options.features ? [] : index;
  const common = {
    name,
    x: x.array,
    columns: kinds,
    features: x.names,
    targets,
    table: {
      task,
      names: [...columns.keys()],
      dropped,
      ignored: [...table.ignored, ...skipped],
      notices,
      format: formatOf(options),
    },
    ...(options.source ? { source: options.source } : {}),
    ...(dropped.rows > 0
      ? { preparation: `${dropped.rows} of ${records.length} rows dropped for missing values` }
      : {}),
  };
  if (task === "classification") {
    const { labels, classes } = classColumn(used, targets[0]!);
    return validateDataset({ ...common, y: ndarray([rows.length], "i32", labels), classes });
  }
  const kept = targets.map((target): Column => ({ name: target, categories: null }));
  const flags = { ...reader, number: (text: string) => flagOf(text) ?? reader.number(text) };
  const y = encoded(kept, task === "multilabel" ? { ...used, reader: flags } : used);
  notices.push(...mergedColumns(y.array, kept).map((notice) => ({ ...notice, kind: "label-merged" as const })));
  return validateDataset({ ...common, y: cast(y.array, "f32") });
}

/** What the options say of fields, alone: new rows are read likewise. */
function formatOf({ separator, decimal, thousands, missingValues, header }: TableFormat): TableFormat {
  return {
    ...(separator === undefined ? {} : { separator }),
    ...(decimal === undefined ? {} : { decimal }),
    ...(thousands === undefined ? {} : { thousands }),
    ...(missingValues === undefined ? {} : { missingValues }),
    ...(header === undefined ? {} : { header }),
  };
}

function defaultLabel(columns: readonly string[]): string {
  const named = columns.findLast((column) => LABEL_NAMES.has(column.toLowerCase()));
  // pandas writes an index of its own behind all columns.
  return named ?? columns.findLast((column) => !NAMED_INDEX.test(column)) ?? columns.at(-1)!;
}

function requireColumns(
  name: string,
  columns: ReadonlyMap<string, number>,
  targets: readonly string[],
  features: readonly string[],
  task: Task | undefined,
): void {
  const fail = (message: string): never => {
    throw new ChainruleError("data", `${name}: ${message}`);
  };
  const wanted = [...features, ...targets];
  const comma = [...columns.keys()].find((column) => column.includes(","));
  const quoted = comma === undefined ? "" : `; a flag takes a name with a comma in double quotes: '"${comma}"'`;
  for (const column of wanted) {
    if (columns.has(column)) continue;
    const names = [...columns.keys()].join(", ");
    const fault = { fault: "noColumn", values: { file: name, column: quote(column), names } } as const;
    throw tableError(`${name}: no column "${column}"; the header has ${names}${quoted}`, fault);
  }
  if (new Set(wanted).size !== wanted.length) fail("a column is asked for twice, or as feature and label");
  if (features.length === 0) {
    throw tableError(`${name}: no column is left to learn from`, { fault: "nothingLeft", values: { file: name } });
  }
  if (targets.length === 0) fail("no label column");
  if (task === "classification" && targets.length > 1)
    fail(`one label column makes classes, got ${targets.join(", ")}`);
}
