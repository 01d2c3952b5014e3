import type { FieldReader } from "./csv-format.ts";
import { flagOf } from "./csv-looks.ts";

/**
 * What a net is to say of a row: which of its classes ("classification"), a number or several ("regression"), or of several
 * labels whether each applies ("multilabel").
 */
export type Task = "classification" | "regression" | "multilabel";

/** Different whole numbers that may all be classes, whatever the number of rows. */
const FEW_VALUES = 20;
/** Rows that more different numbers than these would have each, were they classes. */
const ROWS_OF_A_CLASS = 20;
/** From so many rows on, numbers of which most rows have one of their own are no classes, however few. */
const SOME_ROWS = 10;

/**
 * The task that a label column is for. Texts are classes, numbers with decimals a regression. Whole numbers are classes
 * where they are few: at most 20, or one in 20 rows at most; and at most one in two rows, from 10 rows on.
 */
export function taskOf(texts: readonly string[], reader: FieldReader): Task {
  const values = texts.map(reader.number);
  if (values.some(Number.isNaN)) return "classification";
  if (!values.every(Number.isSafeInteger)) return "regression";
  const [different, n] = [new Set(values).size, values.length];
  const many = different > FEW_VALUES && different * ROWS_OF_A_CLASS > n;
  const ownEach = n >= SOME_ROWS && 2 * different > n;
  return many || ownEach ? "regression" : "classification";
}

/** The task of several label columns: labels that apply or not, where all are 0 or 1, true or false; else numbers. */
export function taskOfSeveral(columns: readonly (readonly string[])[], reader: FieldReader): Task {
  const flags = columns.every((texts) => texts.every((text) => [0, 1].includes(flagOf(text) ?? reader.number(text))));
  return flags ? "multilabel" : "regression";
}
