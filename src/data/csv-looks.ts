import { type FieldReader, fieldReader, type TableFormat } from "./csv-format.ts";

/** What texts look like that are not read as numbers: nothing is taken for one unasked, but what would read it is said. */

const DATE = /^(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2}))(?:[T ]\d{1,2}:\d{2}.*)?$/;
const MONTH = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\\.?";
/** Jan 5, 2024; 5-Jan-24; 5 January 2024; Jan-24. */
const NAMED = new RegExp(
  `^(?:${MONTH}[ -]\\d{1,2}(?:,? \\d{4})?|(?:\\d{1,2}[ -])?${MONTH}[ -](?:\\d{4}|\\d{2}))$`,
  "i",
);
const TIME = /^\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?$/;

/** 2024-01-31, 31.1.2024, 1/31/24, with a time behind it or not; or a time. */
export function looksLikeDate(text: string): boolean {
  return DATE.test(text) || TIME.test(text) || NAMED.test(text);
}

const FLAGS: ReadonlyMap<string, 0 | 1> = new Map([
  ["true", 1],
  ["yes", 1],
  ["false", 0],
  ["no", 0],
]);

/** What a word says that means true or false, in any case; null for any other. */
export function flagOf(text: string): 0 | 1 | null {
  return FLAGS.get(text.toLowerCase()) ?? null;
}

/** Whole numbers of which some begin with a zero, as postcodes and other codes do. */
export function haveZeros(texts: readonly string[]): boolean {
  return texts.some((text) => /^0\d/.test(text)) && texts.every((text) => /^\d+$/.test(text));
}

/**
 * How a column's numbers would be read: by these marks, after what stands around each was taken off, or written as they are
 * here (see `plainly`), or brought to one unit.
 */
export type Reading = Pick<TableFormat, "decimal" | "thousands"> | "signs" | "written" | "units";

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

/** A price, a share, a quantity: "$1,200.50", "EUR 12", "12 %", "3.5kg". */
const SIGNS = /^([+-]?)\s?([A-Z]{3}\s|[A-Z]{0,2}\p{Sc})?\s?(.*?\d)\s?([\p{Sc}%]|[^\d\s.,;:/_'()-]{1,3})?$/u;
/** What a quantity may be counted in: money, a share, a multiple such as k or M, lengths, masses, bytes. */
const UNIT = /^(?:.*\p{Sc}|%|[kKMBGT]|bn|[kcm]?[mg]|[kKMGT]i?B)$/u;
const MINUS = /[\u2010-\u2014\u2212\ufe58\ufe63]/g;
const OPENS = 0xff01;
const CLOSES = 0xff5e;
/** Texts of a column that are looked at. */
const MOST_TEXTS = 1000;
const LONGEST = 64;

/** How all of these texts would be read as numbers; null where they would not. */
export function readingOf(texts: readonly string[]): Reading | null {
  const some = texts.slice(0, MOST_TEXTS);
  if (some.length === 0 || !some.every((text) => /\p{Nd}/u.test(text) && text.length < LONGEST)) return null;
  const format = formatOf(some);
  if (format) return format;
  if (formatOf(bare(some))) return "signs";
  const plain = some.map(rewritten);
  if (formatOf(plain) || formatOf(bare(plain))) return "written";
  const units = some.map((text) => SIGNS.exec(text));
  const each = units.map((found) =>
    found && UNIT.test(`${found[2] ?? ""}${found[4] ?? ""}`) ? bare([found[0]])[0] : null,
  );
  return each.every((text) => text != null) && formatOf(each as string[]) ? "units" : null;
}

/** The number, as it would be written here: -1200.5 for "(1.200,50 €)". Null where the text looks like none. */
export function plainly(text: string): string | null {
  if (text.length >= LONGEST) return null;
  for (const list of [[text], bare([text]), [rewritten(text)], bare([rewritten(text)])]) {
    const reader = formatOf(list) && readings.find(([, each]) => !Number.isNaN(each.number(list[0]!)))![1];
    if (reader) return String(reader.number(list[0]!));
  }
  return null;
}

function formatOf(texts: readonly string[]): Exclude<Reading, string> | null {
  const all = (reader: FieldReader): boolean => texts.every((text) => !Number.isNaN(reader.number(text)));
  return (texts.length > 0 && readings.find(([, reader]) => all(reader))?.[0]) || null;
}

/** Without the signs around them, of which those with any have the same; else nothing. */
function bare(texts: readonly string[]): string[] {
  const found = texts.map((text) => SIGNS.exec(text));
  const signs = new Set(found.map((f) => `${f?.[2] ?? ""} ${f?.[4] ?? ""}`.trim()).filter((sign) => sign !== ""));
  return signs.size === 1 && found.every((f) => f !== null) ? found.map((f) => f![1]! + f![3]!) : [];
}

/** With a hyphen for a minus, in front; digits and marks of ASCII; and without single quotes around it. */
function rewritten(text: string): string {
  const ascii = text.replace(/[\uff01-\uff5e]|[\u0660-\u0669\u06f0-\u06f9]/g, (c) => {
    const code = c.charCodeAt(0);
    return code >= OPENS && code <= CLOSES ? String.fromCharCode(code - 0xfee0) : String(code & 0xf);
  });
  const [, inner = ascii] = /^'([^']+)'?$/.exec(ascii) ?? [];
  const minus = inner
    .replace(MINUS, "-")
    .replace(/^([+-])\s+/, "$1")
    .replace(/([\d.])[dD]([+-]?\d+)$/, "$1e$2");
  const [, negative] = /^\(\s*([^-].*?)\s*\)$/.exec(minus) ?? /^([^-].*?)\s?-$/.exec(minus) ?? [];
  return negative === undefined ? minus : `-${negative}`;
}

export function looksLikeNumber(text: string): boolean {
  return readingOf([text]) !== null;
}
