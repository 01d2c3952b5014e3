import type { FieldReader } from "./csv-format.ts";
import { haveZeros, looksLikeDate, looksLikeNumber, readingOf } from "./csv-looks.ts";
import type { Column } from "./dataset.ts";
import type { TableNotice } from "./table-notice.ts";

/** The texts of a column, and the lines that they stand on. */
export interface ColumnTexts {
  readonly column: string;
  readonly texts: readonly string[];
  readonly lines: readonly number[];
  readonly unit: "line" | "row";
  /** Whether semicolons lie between fields and nothing was said of marks: where commas stand before decimals, that is so. */
  readonly semicolons?: boolean;
}

/** What is worth a notice about a column of rows, from its texts, and what it is taken as. */
export function columnNotices(
  { column, texts, lines, unit, semicolons = false }: ColumnTexts,
  { number }: FieldReader,
  as: "numbers" | "categories" | "targets" | "classes",
): TableNotice[] {
  const [value, n] = [texts[0]!, texts.length];
  if (n < 2) return [];
  const about = { column, value } as const;
  if (texts.every((text) => text === value)) return [{ kind: "constant", ...about }];
  const label = as === "targets" || as === "classes";
  if (as === "targets")
    return [
      ...lostZeros(column, texts, "label-zeros"),
      ...lostDigits(column, texts, "label-digits"),
      ...(semicolons ? pointed(column, texts, "label-points") : []),
    ];
  if (as === "numbers") {
    const start = number(value);
    const first = n >= COUNTED && (start === 0 || start === 1);
    if (first && texts.every((text, i) => number(text) === start + i)) return [{ kind: "counts", ...about }];
    return [
      ...lostZeros(column, texts, "zeros"),
      ...lostDigits(column, texts, "digits"),
      ...(semicolons ? pointed(column, texts, "points") : []),
    ];
  }
  const different = [...new Set(texts)];
  const plain = (text: string): boolean => !Number.isNaN(number(text));
  // Numbers that are meant as categories.
  if (different.every(plain)) return [];
  const reading = readingOf(different);
  if (reading) {
    const shown = different.find((text) => !plain(text))!;
    return [{ kind: label ? "label-numbers" : "numbers", column, value: shown, reading }];
  }
  if (different.slice(0, SOME).every(looksLikeDate)) return [{ kind: label ? "label-dates" : "dates", ...about }];
  const isNumber = remembered((text) => plain(text) || looksLikeNumber(text));
  const most = (list: readonly string[]): boolean => list.filter(isNumber).length >= MOST * list.length;
  if (most(texts.slice(0, SOME)) && most(texts) && readingOf(different.filter(isNumber))) {
    const at = texts.findIndex((text) => !isNumber(text));
    return [{ kind: label ? "label-mixed" : "mixed", column, value: texts[at]!, line: lines[at]!, unit }];
  }
  const twins = alike(different);
  if (twins) return [{ kind: label ? "label-alike" : "alike", column, value: twins[0], other: twins[1] }];
  return different.length === n ? [{ kind: label ? "label-unique" : "unique", ...about }] : [];
}

/** Two texts that are one but for case, spaces and how letters are composed. */
function alike(texts: readonly string[]): readonly [string, string] | null {
  const known = new Map<string, string>();
  for (const text of texts) {
    const key = text.normalize("NFKC").toLowerCase().replace(/\s+/g, " ");
    const other = known.get(key);
    if (other !== undefined) return [other, text];
    known.set(key, text);
  }
  return null;
}

/** Groups of three behind points, as in 1.234, or whole numbers below a thousand, and nothing else. */
function pointed(column: string, texts: readonly string[], kind: "points" | "label-points"): TableNotice[] {
  const grouped = texts.filter((text) => /^-?[1-9]\d{0,2}\.\d{3}$/.test(text));
  const all = grouped.length > 0 && texts.every((text) => /^-?(?:\d{1,3}|[1-9]\d{0,2}\.\d{3})$/.test(text));
  return all ? [{ kind, column, value: grouped[0]! }] : [];
}

/** Texts that are looked at where all would take long. */
const SOME = 1000;
/** The share of numbers from which on other texts look like mistakes, or stand for nothing. */
const MOST = 0.8;

/** The answer for each different text is worked out once. */
function remembered(test: (text: string) => boolean): (text: string) => boolean {
  const known = new Map<string, boolean>();
  return (text) => {
    const found = known.get(text) ?? test(text);
    known.set(text, found);
    return found;
  };
}

/** Whole numbers that begin with a zero, as postcodes and identifiers do. */
function lostZeros(column: string, texts: readonly string[], kind: "zeros" | "label-zeros"): TableNotice[] {
  return haveZeros(texts) ? [{ kind, column, value: texts.find((text) => text.startsWith("0"))! }] : [];
}

/** Whole numbers, as far as they can be told from others by f64. */
function lostDigits(column: string, texts: readonly string[], kind: "digits" | "label-digits"): TableNotice[] {
  const value = texts.find((text) => text.length > SAFE_LENGTH && WHOLE.test(text) && BigInt(text) !== held(text));
  return value === undefined ? [] : [{ kind, column, value, other: String(held(value)) }];
}

const held = (text: string): bigint => BigInt(Number(text));
/** No more digits than the largest number has that f32 holds. */
const WHOLE = /^-?\d{1,38}$/;
/** Digits that every f64 holds. */
const SAFE_LENGTH = 15;

/** Fewer rows may count up by chance. */
const COUNTED = 5;

/** Rows of each column that are looked at, and the share of its numbers that must go lost before it is said. */
const MOST_ROWS = 2 ** 16;
const LOST = 0.01;

type MergedNotice = Extract<TableNotice, { readonly kind: "merged" }>;

/** Columns of x f64 [n, inputs] in which numbers that differ are one in f32. */
export function mergedColumns(
  x: { readonly shape: readonly number[]; readonly data: ArrayLike<number> },
  columns: readonly Column[],
): MergedNotice[] {
  const [n, width] = x.shape as [number, number];
  const rows = Math.min(n, MOST_ROWS);
  let at = 0;
  return columns.flatMap(({ name, categories }): MergedNotice[] => {
    const from = at;
    at += categories?.length ?? 1;
    if (categories) return [];
    const sorted = Float64Array.from({ length: rows }, (_, i) => x.data[i * width + from]!).sort();
    let [different, merged, first] = [1, 0, -1];
    for (let i = 1; i < rows; i++) {
      if (sorted[i] === sorted[i - 1]) continue;
      different++;
      if (Math.fround(sorted[i]!) !== Math.fround(sorted[i - 1]!)) continue;
      merged++;
      if (first < 0) first = i;
    }
    if (merged <= LOST * different) return [];
    return [{ kind: "merged", column: name, value: String(sorted[first - 1]), other: String(sorted[first]) }];
  });
}
