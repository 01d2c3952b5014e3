import { ChainruleError } from "../core/errors.ts";
import type { CsvRecord } from "./csv-records.ts";
import type { Column } from "./dataset.ts";

const MISSING = new Set(["", "NA", "?"]);
/** A decimal number. One way to match each text, so that a long field cannot make it backtrack. */
const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;

export function isMissing(field: string): boolean {
  return MISSING.has(field.trim());
}

export function isNumber(field: string): boolean {
  return NUMBER.test(field.trim());
}

/** Columns that one column of categories may become: a name or an identifier has a text of its own in every row. */
const MOST_CATEGORIES = 256;
/** Values that the columns of x may hold together: 2 GiB as f64. */
const MOST_VALUES = 2 ** 28;

/**
 * What each named column is: numbers, or categories where it is asked for or no text in it is meant as a number. A column
 * of both is numbers with a mistake in it, which `encodeColumns` refuses by line.
 * Throws ChainruleError "data" for a column with a text of its own in too many rows.
 */
export function columnKinds(
  name: string,
  rows: readonly CsvRecord[],
  names: readonly string[],
  columns: ReadonlyMap<string, number>,
  categorical: readonly string[],
): Column[] {
  return names.map((column) => {
    const at = columns.get(column)!;
    const isText = ({ fields }: CsvRecord): boolean => !meantAsNumber(fields[at]!.trim());
    if (!categorical.includes(column) && !rows.every(isText)) return { name: column, categories: null };
    const { values } = distinct(rows.map(({ fields }) => fields[at]!.trim()).filter((text) => !MISSING.has(text)));
    if (values.length <= MOST_CATEGORIES) return { name: column, categories: values };
    const message = `${values.length} different texts, more than the ${MOST_CATEGORIES} that are taken as categories`;
    throw new ChainruleError("data", `${name}, column "${column}": ${message}; leave it out of the features`);
  });
}

/**
 * The columns of the rows as f64 [rows, width], row-major: a number as it is, categories as one column each, of which one
 * is 1. `columns` gives each name's index.
 * Throws ChainruleError "data" naming line and column for a missing value, text in place of a number, a number beyond
 * f32, and a category that is not among the column's.
 */
export function encodeColumns(
  name: string,
  rows: readonly CsvRecord[],
  kinds: readonly Column[],
  columns: ReadonlyMap<string, number>,
): Float64Array {
  const width = widthOf(kinds);
  if (rows.length * width > MOST_VALUES) {
    const message = `${rows.length} rows of ${width} values, more than the ${MOST_VALUES} values that are accepted`;
    throw new ChainruleError("data", `${name}: ${message}`);
  }
  const known = kinds.map(({ categories }) => categories && new Map(categories.map((text, i) => [text, i])));
  const keys = kinds.map(({ categories }) => categories && keyOf(categories));
  const out = new Float64Array(rows.length * width);
  let at = 0;
  for (const { line, fields } of rows) {
    kinds.forEach(({ name: column, categories }, j) => {
      const text = fields[columns.get(column)!]!.trim();
      const fail = (what: string): never => {
        throw new ChainruleError("data", `${name}, line ${line}, column "${column}": ${what}`);
      };
      if (MISSING.has(text)) fail("a value is missing");
      if (categories) {
        const index = known[j]!.get(keys[j]!(text)) ?? fail(`${quote(text)} is not among ${list(categories)}`);
        out[at + index] = 1;
        at += categories.length;
      } else {
        const value = NUMBER.test(text) ? Number(text) : Number.NaN;
        if (!Number.isFinite(Math.fround(value))) fail(`${quote(text)} is not a number that f32 can hold`);
        out[at++] = value;
      }
    });
  }
  return out;
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
 * One column as classes: the label of each row as an index into `classes`, the sorted distinct labels.
 * Throws ChainruleError "data" naming line and column for a missing label and for numbers that are not whole.
 */
export function classColumn(
  name: string,
  rows: readonly CsvRecord[],
  column: string,
  at: number,
): { labels: number[]; classes: string[] } {
  const texts = rows.map(({ fields }) => fields[at]!.trim());
  const blank = texts.findIndex((text) => MISSING.has(text));
  if (blank >= 0) {
    throw new ChainruleError("data", `${name}, line ${rows[blank]!.line}, column "${column}": the label is missing`);
  }
  const numeric = texts.every((text) => NUMBER.test(text));
  const broken = numeric ? texts.findIndex((text) => !Number.isSafeInteger(Number(text))) : -1;
  if (broken >= 0) {
    const where = `${name}, line ${rows[broken]!.line}, column "${column}"`;
    throw new ChainruleError(
      "data",
      `${where}: ${quote(texts[broken]!)} is no class; ask for a regression to predict numbers`,
    );
  }
  const { keys, values: classes } = distinct(texts);
  const index = new Map(classes.map((label, i) => [label, i]));
  return { labels: keys.map((key) => index.get(key)!), classes };
}

/** What f32 cannot hold, and files mean as a number all the same: no category. */
const NO_NUMBER = /^(?:0x[\da-f]+|[+-]?(?:nan|inf|infinity))$/i;

function meantAsNumber(text: string): boolean {
  return NUMBER.test(text) || NO_NUMBER.test(text);
}

/** Texts that are all whole numbers are compared as numbers: "1", "01" and "1.0" are one. Adding 0 turns -0 into 0. */
function keyOf(texts: readonly string[]): (text: string) => string {
  const whole = (text: string): boolean => NUMBER.test(text) && Number.isSafeInteger(Number(text));
  if (!texts.every(whole)) return (text) => text;
  return (text) => (whole(text) ? String(Number(text) + 0) : text);
}

/** Each text's key, and the distinct keys: in numerical order where all are whole numbers, else by their code units. */
function distinct(texts: readonly string[]): { keys: string[]; values: string[] } {
  const keys = texts.map(keyOf(texts));
  const numeric = keys.every((key) => NUMBER.test(key) && Number.isSafeInteger(Number(key)));
  return { keys, values: [...new Set(keys)].sort(numeric ? (a, b) => Number(a) - Number(b) : undefined) };
}

function list(texts: readonly string[]): string {
  const shown = texts.slice(0, 5).map(quote).join(", ");
  return texts.length > 5 ? `${shown} and ${texts.length - 5} more` : shown;
}

function quote(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}...` : text);
}
