import { type FieldReader, fieldReader, type TableFormat } from "./csv-format.ts";

/** What texts look like that are not read as numbers: nothing is taken for one unasked, but what would read it is said. */

const DATE = /^(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2}))(?:[T ]\d{1,2}:\d{2}.*)?$/;
const TIME = /^\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?$/;

/** 2024-01-31, 31.1.2024, 1/31/24, with a time behind it or not; or a time. */
export function looksLikeDate(text: string): boolean {
  return DATE.test(text) || TIME.test(text);
}

/** How a column's numbers would be read: by these marks, or after what stands around each was taken off. */
export type Reading = Pick<TableFormat, "decimal" | "thousands"> | "signs";

/** Likely ones first: "1,200" has both readings, and a column of nothing but groups of three means thousands. */
const readings: readonly (readonly [Exclude<Reading, string>, FieldReader])[] = (
  [
    { thousands: "," },
    { decimal: "," },
    { decimal: ",", thousands: "." },
    { thousands: " " },
    { decimal: ",", thousands: " " },
    { thousands: "_" },
    { thousands: "'" },
    { decimal: ",", thousands: "'" },
    { decimal: "." },
  ] as const
).map((format) => [format, fieldReader(format)]);

/** A price, a share, a quantity: "$1,200.50", "12 %", "3.5kg". */
const SIGNS = /^([+-]?)\s?[$€£¥₹]?\s?(.*?\d)\s?([$€£¥₹%]|[^\d\s.,;:/_'-]{1,3})?$/u;
/** Texts of a column that are looked at. */
const MOST_TEXTS = 1000;

/** How all of these texts would be read as numbers; null where they would not. */
export function readingOf(texts: readonly string[]): Reading | null {
  const some = texts.slice(0, MOST_TEXTS);
  if (some.length === 0 || !some.every((text) => /\d/.test(text) && text.length < 64)) return null;
  const read = (list: readonly string[]): Reading | undefined =>
    readings.find(([, reader]) => list.every((text) => !Number.isNaN(reader.number(text))))?.[0];
  const format = read(some);
  if (format) return format;
  const bare = some.map((text) => SIGNS.exec(text));
  const units = new Set(bare.map((found) => found?.[3] ?? ""));
  return units.size === 1 && bare.every((f) => f !== null) && read(bare.map((f) => f![1]! + f![2]!)) ? "signs" : null;
}

export function looksLikeNumber(text: string): boolean {
  return readingOf([text]) !== null;
}
