import type { FieldReader } from "./csv-format.ts";
import { looksLikeDate, readingOf } from "./csv-looks.ts";
import type { Column } from "./dataset.ts";
import type { TableNotice } from "./table-notice.ts";

/** What is worth a notice about a column of rows, from its texts, and what it is taken as. */
export function columnNotices(
  column: string,
  texts: readonly string[],
  { number }: FieldReader,
  as: "numbers" | "categories" | "targets" | "classes",
): TableNotice[] {
  const [value, n] = [texts[0]!, texts.length];
  if (n < 2) return [];
  const about = { column, value } as const;
  if (texts.every((text) => text === value)) return [{ kind: "constant", ...about }];
  if (as === "targets") return [];
  if (as === "numbers") {
    const start = number(value);
    const first = n >= COUNTED && (start === 0 || start === 1);
    return first && texts.every((text, i) => number(text) === start + i) ? [{ kind: "counts", ...about }] : [];
  }
  const different = [...new Set(texts)];
  // Numbers that are meant as categories.
  if (!different.some((text) => Number.isNaN(number(text)))) return [];
  const reading = readingOf(different);
  const label = as === "classes";
  if (reading) return [{ kind: label ? "label-numbers" : "numbers", ...about, reading }];
  if (different.slice(0, 1000).every(looksLikeDate)) return [{ kind: label ? "label-dates" : "dates", ...about }];
  return different.length === n ? [{ kind: label ? "label-unique" : "unique", ...about }] : [];
}

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
