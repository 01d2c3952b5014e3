import { ChainruleError } from "../core/errors.ts";
import { type NdArray, shapeText, type TypedArray } from "../core/ndarray.ts";
import type { TableFormat } from "./csv-format.ts";
import type { BytesNotice, TableNotice } from "./table-notice.ts";
import type { Task } from "./task.ts";

/** Rows to learn from: row i of `x` goes with row i of `y`. */
export interface Dataset {
  /** What it is called, for people. */
  readonly name: string;
  /**
   * f32 [n, inputs]; or f64, as files of text and of doubles hold them, until `standardise` or a trainer makes them f32:
   * dates, times and places differ in digits that f32 does not have. Or tokens, i32 [n, t].
   */
  readonly x: NdArray;
  /** i32 [n]: steps of each row that count, where rows are sequences of several lengths; all where absent. */
  readonly lengths?: NdArray;
  /** f32 [n, outputs], targets of a regression; or i32 [n], class indices from 0 */
  readonly y: NdArray;
  /** Names of the classes, in the order of their indices. */
  readonly classes?: readonly string[];
  /** How the columns of a file became those of `x`; absent where they were numbers already. */
  readonly columns?: readonly Column[];
  /** What pixels were divided by, where `x` holds images. */
  readonly pixelScale?: number;
  /** What bytes were taken for, where their shape alone does not say it. */
  readonly bytes?: BytesNotice;
  /** Names of the columns of `x`, with units where they have one. */
  readonly features?: readonly string[];
  /** Names of the columns of `y`. */
  readonly targets?: readonly string[];
  /** Shape of a row, where it has more axes than one: [channels, height, width]. */
  readonly shape?: readonly number[];
  /** Height and width that images were brought to. */
  readonly imageSize?: readonly [height: number, width: number];
  /** True where channels came last, and were moved. */
  readonly channelsLast?: boolean;
  /** Where a row of `x` is one image of height * width pixels, row by row from the top. */
  readonly image?: { readonly height: number; readonly width: number };
  /** Origin and licence in one line. */
  readonly source?: string;
  /** What was done to the source's values, in one line. */
  readonly preparation?: string;
  /** What reading a table decided, where the rows come from one. */
  readonly table?: TableFacts;
  /** The scaling already applied to `x`: value = (raw - mean) / deviation, column by column. */
  readonly scaling?: Scaling;
}

/** A column of a file: numbers, or categories, each of which is a column of `x` that holds 0 or 1. */
export interface Column {
  /** As the file's header has it. */
  readonly name: string;
  /** Its values, where it holds categories; null where it holds numbers. */
  readonly categories: readonly string[] | null;
}

/** What reading a table decided, and what of it may be meant otherwise. */
export interface TableFacts {
  /** What the label columns are taken for. */
  readonly task: Task;
  /** All columns that have a name, in the order of the file. */
  readonly names: readonly string[];
  /** Rows left out, and why. */
  readonly dropped: DroppedRows;
  /** Columns that only number the rows, or hold nothing, and are left out: names, or positions from 1 of nameless ones. */
  readonly ignored: readonly (string | number)[];
  /** What may be meant otherwise: see noticeText. */
  readonly notices: readonly TableNotice[];
  /** What was said of how its fields are written. */
  readonly format: TableFormat;
}

/** Rows that were left out since they lack a value. */
export interface DroppedRows {
  /** How many. */
  readonly rows: number;
  /** Columns that lack one, and in how many of the file's rows. */
  readonly columns: readonly { readonly column: string; readonly rows: number }[];
}

/** Mean and standard deviation of each column of `x`, or of each channel of its images, in the units of the source. */
export interface Scaling {
  /** One a column, or one a channel, which is so many columns side by side. */
  readonly mean: readonly number[];
  /** Likewise. */
  readonly deviation: readonly number[];
}

/**
 * A data set in parts, with no row in two of them. `test` is null where a set is too small to hold rows out. `validation`
 * is what choices during training are judged on (when to stop, which weights to keep); the test rows are then seen once,
 * at the end.
 */
export interface DataSplit {
  /** Rows to learn from. */
  readonly train: Dataset;
  /** Rows that choices during training are judged on. */
  readonly validation?: Dataset | null;
  /** Rows held out; null where the set is too small for that. */
  readonly test: Dataset | null;
}

/** Number of rows. */
export function rowCount(dataset: Dataset): number {
  return dataset.x.shape[0]!;
}

/** Whether `y` holds class indices (i32 [n]) and not targets (f32 [n, outputs]). */
export function isClassification(dataset: Dataset): boolean {
  return dataset.y.dtype === "i32";
}

/** Number of outputs a network needs: classes, or columns of `y`. Without class names, the largest label + 1. */
export function outputCount(dataset: Dataset): number {
  if (!isClassification(dataset)) return dataset.y.shape[1]!;
  if (dataset.classes) return dataset.classes.length;
  let largest = 0;
  for (const label of dataset.y.data) largest = Math.max(largest, label);
  return largest + 1;
}

/**
 * Returns the data set when it is sound: at least one row and one column, shapes that agree, finite values, labels in
 * range. Throws ChainruleError "data" otherwise, naming the first bad row and column, both counted from 0.
 */
export function validateDataset(dataset: Dataset): Dataset {
  const { name, x, y, classes, image, features } = dataset;
  const fail = (message: string): never => {
    throw new ChainruleError("data", `data set "${name}": ${message}`);
  };
  if (!["f32", "f64", "i32"].includes(x.dtype) || x.shape.length !== 2)
    fail(`x must be f32 or f64 [n, inputs], or tokens i32 [n, t], got ${x.dtype} ${shapeText(x.shape)}`);
  const [n, inputs] = x.shape as [number, number];
  if (n < 1 || inputs < 1) fail(`x is empty: its shape is ${shapeText(x.shape)}`);
  const labels = y.dtype === "i32" && y.shape.length === 1;
  const targets = y.dtype === "f32" && y.shape.length === 2 && y.shape[1]! >= 1;
  if (!labels && !targets) {
    fail(`y must be i32 [n] (classes) or f32 [n, outputs] (targets), got ${y.dtype} ${shapeText(y.shape)}`);
  }
  if (y.shape[0] !== n) fail(`x has ${n} rows and y has ${y.shape[0]}`);
  const { lengths } = dataset;
  if (lengths && (lengths.dtype !== "i32" || lengths.data.length !== n || lengths.shape.length !== 1)) {
    fail(`lengths must be i32 [${n}], a number for each row, got ${lengths.dtype} ${shapeText(lengths.shape)}`);
  }
  for (const [what, array] of [["x", x] as const, ["y", y] as const]) {
    if (array.data.length !== array.shape.reduce((a, b) => a * b, 1)) {
      fail(`${what} holds ${array.data.length} values, which do not fill ${shapeText(array.shape)}`);
    }
  }
  if (image && image.height * image.width !== inputs) {
    fail(`an image of ${image.height} x ${image.width} pixels does not fill the ${inputs} columns of x`);
  }
  const { shape } = dataset;
  if (shape && shape.reduce((a, b) => a * b, 1) !== inputs) {
    fail(`rows of ${shapeText(shape)} do not fill the ${inputs} columns of x`);
  }
  if (features && features.length !== inputs) fail(`${features.length} column names for the ${inputs} columns of x`);
  requireFinite(x, "x", features, fail);
  if (labels) requireLabels(y.data, classes, fail);
  else requireFinite(y, "y", dataset.targets, fail);
  return dataset;
}

type Fail = (message: string) => never;

function requireFinite(a: NdArray, what: string, names: readonly string[] | undefined, fail: Fail): void {
  const at = a.data.findIndex((value) => !Number.isFinite(Math.fround(value)));
  if (at < 0) return;
  const column = at % a.shape[1]!;
  const named = names?.[column] === undefined ? "" : ` ("${names[column]}")`;
  const row = Math.floor(at / a.shape[1]!);
  fail(`${what} at row ${row}, column ${column}${named} is ${a.data[at]}, not a finite number that f32 can hold`);
}

function requireLabels(labels: TypedArray, classes: readonly string[] | undefined, fail: Fail): void {
  const limit = classes ? classes.length : Number.POSITIVE_INFINITY;
  const row = labels.findIndex((label) => label < 0 || label >= limit);
  if (row < 0) return;
  const range = classes ? `outside the ${classes.length} classes, which count from 0` : "negative";
  fail(`y at row ${row}, column 0: the label ${labels[row]} is ${range}`);
}
