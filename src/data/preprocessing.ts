import { ChainruleError } from "../core/errors.ts";
import { brief } from "../core/format.ts";
import { cast, type NdArray, ndarray, reshape, shapeText, sizeOf } from "../core/ndarray.ts";
import { presentRows } from "./csv.ts";
import { encodeColumns, widthOf } from "./csv-columns.ts";
import { fieldReader, type TableFormat } from "./csv-format.ts";
import { readTable, type Table } from "./csv-table.ts";
import type { Column, Dataset, Scaling } from "./dataset.ts";
import { applyScaling } from "./standardise.ts";
import type { TokenizerRecord } from "./text/tokenizer.ts";

/**
 * What was done to the rows that a net learned from, so that the same can be done to new ones: kept beside its weights.
 * The numbers are those of the training rows alone.
 */
export interface Preprocessing {
  /** Columns of x, after categories have become a column each. */
  readonly inputs: number;
  /** Columns of the file, in the order in which they make up those of x; null where rows did not come from a table. */
  readonly columns: readonly Column[] | null;
  /** What pixels were divided by; null where rows are no images of a file. */
  readonly pixelScale: number | null;
  /** Height and width that images were brought to; absent where they were taken as they were. */
  readonly imageSize?: readonly [height: number, width: number];
  /** Whether arrays had their channels last, [n, height, width, channels]; absent where they had not. */
  readonly channelsLast?: boolean;
  /** Mean and deviation of each column of x, or of each channel, in the units of the file; null where values are taken as they are. */
  readonly scaling: Scaling | null;
  /** Names of the classes, in the order of the net's outputs; null where it predicts numbers. */
  readonly classes: readonly string[] | null;
  /** Names of the columns that it predicts. */
  readonly targets: readonly string[] | null;
  /** How the fields of the table were written, where that was said; null where nothing was. */
  readonly fields?: TableFormat | null;
  /** What made tokens of a text; absent where rows are none. See tokenizerOf. */
  readonly tokenizer?: TokenizerRecord;
}

const FORMAT = "chainrule-preprocessing";
/** Goes up when a field changes its meaning. */
const VERSION = 1;

/** The record of a training part, as it is after `standardise` where that was done. */
export function preprocessingOf(train: Partial<Dataset> & Pick<Dataset, "x">): Preprocessing {
  return {
    inputs: train.x.shape[1]!,
    columns: train.columns ?? null,
    pixelScale: train.pixelScale ?? null,
    ...(train.imageSize ? { imageSize: train.imageSize } : {}),
    ...(train.channelsLast ? { channelsLast: true } : {}),
    scaling: train.scaling ?? null,
    classes: train.classes ?? null,
    targets: train.targets ?? null,
    fields: train.table && Object.keys(train.table.format).length > 0 ? train.table.format : null,
  };
}

/** The record as JSON, for a file beside the weights: `W.safetensors.json` is where `chainrule predict` looks. */
export function preprocessingText(p: Preprocessing): string {
  return `${JSON.stringify({ format: FORMAT, version: VERSION, ...p }, null, 1)}\n`;
}

/**
 * Reads what `preprocessingText` wrote, from its parsed JSON; `name` is the file's, for messages. Throws
 * ChainruleError "file" naming the field that is wrong.
 */
export function parsePreprocessing(name: string, json: unknown): Preprocessing {
  const fail = (message: string): never => {
    throw new ChainruleError("file", `${name}: ${message}`);
  };
  const known = [
    "format",
    "version",
    "inputs",
    "columns",
    "pixelScale",
    "imageSize",
    "channelsLast",
    "scaling",
    "classes",
    "targets",
    "fields",
    "tokenizer",
  ];
  const record = isRecord(json) ? json : fail("not a record of preprocessing, which is a JSON object");
  if (record.format !== FORMAT) fail(`"format" is ${brief(record.format)}, not "${FORMAT}"`);
  if (record.version !== VERSION) fail(`version ${brief(record.version)}; this Chainrule reads version ${VERSION}`);
  const stray = Object.keys(record).find((key) => !known.includes(key));
  if (stray !== undefined) fail(`unknown field ${brief(stray)}; known are ${known.join(", ")}`);
  // Records from before there was one have none.
  const {
    inputs,
    columns,
    pixelScale,
    scaling,
    classes,
    targets,
    fields = null,
    imageSize,
    channelsLast,
    tokenizer,
  } = record;
  if (typeof inputs !== "number" || !Number.isInteger(inputs) || inputs < 1)
    return fail(`"inputs" must be a whole number from 1, got ${brief(inputs)}`);
  if (columns !== null && !(Array.isArray(columns) && columns.every(isColumn)))
    return fail('"columns" must be a list of columns, each with a name and categories or null');
  if (columns && widthOf(columns) !== inputs) fail(`its columns make ${widthOf(columns)} inputs, not ${inputs}`);
  if (columns && new Set(columns.map((c) => c.name)).size !== columns.length) fail("a column is named twice");
  if (pixelScale !== null && !(typeof pixelScale === "number" && pixelScale > 0))
    return fail(`"pixelScale" must be a positive number or null, got ${brief(pixelScale)}`);
  if (imageSize !== undefined && !isSize(imageSize))
    return fail(`"imageSize" must be height and width in pixels, got ${brief(imageSize)}`);
  if (channelsLast !== undefined && channelsLast !== true)
    return fail(`"channelsLast" must be true or absent, got ${brief(channelsLast)}`);
  if (tokenizer !== undefined && !isRecord(tokenizer))
    return fail(`"tokenizer" must be an object or absent, got ${brief(tokenizer)}`);
  if (scaling !== null && !isScaling(scaling, inputs))
    return fail(
      `"scaling" must hold ${inputs} means and as many positive deviations, or those of channels, or be null`,
    );
  for (const [key, texts] of Object.entries({ classes, targets })) {
    if (texts !== null && !isTexts(texts)) fail(`"${key}" must be a list of different names or null`);
  }
  if (fields !== null && !isFormat(fields)) fail('"fields" must say how a table is written, or be null');
  const turned = { ...(imageSize ? { imageSize } : {}), ...(channelsLast ? { channelsLast } : {}) };
  const text = tokenizer === undefined ? {} : { tokenizer };
  return { inputs, columns, pixelScale, ...turned, scaling, classes, targets, fields, ...text } as Preprocessing;
}

/** Rows to predict, prepared. */
export interface NewRows {
  /** f32 [n, inputs] */
  readonly x: NdArray;
  /** The line of the file that each row came from, counted from 1; dropped rows leave gaps. Of images their files. */
  readonly lines: readonly (number | string)[];
  /** Whether they are lines of text, rows of a table that has none, or files. */
  readonly unit: "line" | "row" | "file";
}

/**
 * Rows of a CSV file as the net learned to see them: columns by their names, wherever they are, encoded and scaled as
 * the training rows were. Other columns are ignored. Without a record of columns all are taken, in their order, and so
 * they are where no line names them and there are as many. A row that lacks a value is an error ("refuse") or left out
 * ("drop"). `file` is text or UTF-8 bytes, `name` its name; `format` stands in for what the record says of its fields.
 * Throws ChainruleError "data" naming line and column.
 */
export function prepareCsv(
  name: string,
  file: string | Uint8Array,
  p: Preprocessing,
  missing: "refuse" | "drop",
  format: TableFormat = {},
): NewRows {
  const fields = { ...p.fields, ...format };
  return prepareTable(name, readTable(name, file, fields), p, missing, fields.header === false);
}

/** The same of any table; `nameless` where its columns have no names of their own, and are those learned from in order. */
export function prepareTable(
  name: string,
  table: Table,
  p: Preprocessing,
  missing: "refuse" | "drop",
  nameless = false,
): NewRows {
  const here = [...table.columns.keys()];
  const inOrder = nameless && here.length === p.columns?.length;
  const known = inOrder ? p.columns?.map((column, i) => ({ ...column, name: here[i]! })) : p.columns;
  const kinds = known ?? here.map((column) => ({ name: column, categories: null }));
  const absent = kinds.find((column) => !table.columns.has(column.name));
  if (absent) {
    const has = here.join(", ");
    throw new ChainruleError(
      "data",
      `${name}: no column "${absent.name}", which the net learned from; there are ${has}`,
    );
  }
  const names = kinds.map((column) => column.name);
  const { rows } = presentRows(name, table, names, missing);
  const values = encodeColumns({ ...table, name, records: rows }, kinds);
  const x = prepareRows(name, ndarray([rows.length, widthOf(kinds)], "f64", values), p);
  return { x, lines: rows.map(({ line }) => line), unit: table.unit };
}

/**
 * Rows that are numbers already, x f32, f64 or whole numbers [n, ...], as f32 [n, inputs] and scaled as the training rows
 * were, in f64. Throws ChainruleError "data" where a row has another number of values than the net takes.
 */
export function prepareRows(name: string, x: NdArray, p: Preprocessing): NdArray {
  const width = sizeOf(x.shape.slice(1));
  if (width !== p.inputs) {
    const got = `${name}: rows of ${width} values, ${shapeText(x.shape)}`;
    throw new ChainruleError("data", `${got}; the net takes ${p.inputs}`);
  }
  const flat = reshape(x, [x.shape[0]!, width]);
  return p.scaling ? applyScaling(flat, p.scaling) : cast(flat, "f32");
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isColumn(value: unknown): value is Column {
  return isRecord(value) && typeof value.name === "string" && (value.categories === null || isTexts(value.categories));
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((v) => typeof v === "string") && new Set(value).size === value.length;
}

function isFormat(value: unknown): value is TableFormat {
  if (!isRecord(value)) return false;
  const { separator, decimal, thousands, missingValues, header, ...more } = value;
  const sound = header === undefined || typeof header === "boolean";
  const texts = missingValues === undefined || (Array.isArray(missingValues) && missingValues.every(isText));
  if (!sound || !texts || Object.keys(more).length > 0) return false;
  try {
    fieldReader(value as TableFormat);
    return true;
  } catch {
    return false;
  }
}

const isText = (value: unknown): boolean => typeof value === "string";

const isSize = (value: unknown): boolean =>
  Array.isArray(value) && value.length === 2 && value.every((d) => Number.isInteger(d) && d >= 1 && d <= 16384);

function isScaling(value: unknown, inputs: number): value is Scaling {
  const numbers = (list: unknown, low: number): list is number[] =>
    Array.isArray(list) &&
    list.length > 0 &&
    inputs % list.length === 0 &&
    list.every((v) => Number.isFinite(v) && v > low);
  if (!isRecord(value) || !numbers(value.mean, Number.NEGATIVE_INFINITY) || !numbers(value.deviation, 0)) return false;
  return value.mean.length === value.deviation.length;
}
