import { ChainruleError } from "../core/errors.ts";
import type { CsvRecord } from "./csv-records.ts";

const MISSING = new Set(["", "NA", "?"]);
/** A decimal number. One way to match each text, so that a long field cannot make it backtrack. */
const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;

export function isMissing(field: string): boolean {
  return MISSING.has(field.trim());
}

export function isNumber(field: string): boolean {
  return NUMBER.test(field.trim());
}

/**
 * The named columns of the rows as f32 [rows, names], row-major. `columns` gives each name's index.
 * Throws ChainruleError "data" naming line and column for text, a missing value, or a number beyond f32.
 */
export function numericColumns(
  name: string,
  rows: readonly CsvRecord[],
  names: readonly string[],
  columns: ReadonlyMap<string, number>,
): Float32Array {
  const out = new Float32Array(rows.length * names.length);
  rows.forEach(({ line, fields }, row) => {
    names.forEach((column, j) => {
      const text = fields[columns.get(column)!]!.trim();
      const value = Math.fround(NUMBER.test(text) ? Number(text) : Number.NaN);
      if (!Number.isFinite(value)) {
        const what = MISSING.has(text) ? "a value is missing" : `${quote(text)} is not a number that f32 can hold`;
        throw new ChainruleError("data", `${name}, line ${line}, column "${column}": ${what}`);
      }
      out[row * names.length + j] = value;
    });
  });
  return out;
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
  // "1", "01" and "1.0" are one class; adding 0 turns -0 into 0.
  const keys = numeric ? texts.map((text) => String(Number(text) + 0)) : texts;
  const classes = [...new Set(keys)].sort(numeric ? (a, b) => Number(a) - Number(b) : undefined);
  const index = new Map(classes.map((label, i) => [label, i]));
  return { labels: keys.map((key) => index.get(key)!), classes };
}

function quote(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}...` : text);
}
