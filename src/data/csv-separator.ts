import type { FieldReader } from "./csv-format.ts";

type Separator = "," | ";" | "\t" | "|";

const separators: readonly Separator[] = [",", ";", "\t", "|"];
/** What is looked at to tell: so many characters, and records. */
const MOST_CHARACTERS = 2 ** 16;
const MOST_RECORDS = 100;
/** Excel's own way to say it: a first line such as sep=; */
const SAID = /^"?sep=([^"\r\n])"?(?:\r\n|\r|\n)/i;

/**
 * The separator of a CSV text, `given` or as the text tells, and how many characters (and a line) say so at its beginning.
 */
export function tellSeparator(text: string, reader: FieldReader, given?: string): { separator: string; skip: number } {
  const said = SAID.exec(text);
  if (said) return { separator: given ?? said[1]!, skip: said[0].length };
  if (given !== undefined) return { separator: given, skip: 0 };
  const start = text.slice(0, MOST_CHARACTERS);
  const whole = start.length === text.length;
  let best: { separator: Separator; score: number } = { separator: ",", score: 0 };
  for (const separator of separators) {
    const score = scoreOf(sample(start, separator, whole), reader);
    if (score > best.score) best = { separator, score };
  }
  return { separator: best.separator, skip: 0 };
}

/**
 * 0 where the first line is one field; else the share of records as wide as it, which decides, and the share of fields
 * that are numbers in any notation, where two separators divide all lines alike.
 */
function scoreOf(records: readonly (readonly string[])[], reader: FieldReader): number {
  const width = records[0]?.length ?? 0;
  if (width < 2) return 0;
  const fitting = records.filter((fields) => fields.length === width);
  const fields = fitting.slice(1).flat();
  const isNumber = (text: string): boolean => !Number.isNaN(reader.number(text)) || /^[+-]?\d+,\d+$/.test(text);
  const numbers = fields.filter((field) => isNumber(field.trim())).length / Math.max(1, fields.length);
  return 1 + 2 * (fitting.length / records.length) + numbers;
}

/** The first records, split without a thought for quotes in wrong places. */
function sample(text: string, separator: Separator, whole: boolean): string[][] {
  const records: string[][] = [];
  let [fields, field, quoted]: [string[], string, boolean] = [[], "", false];
  const close = (): void => {
    fields.push(field);
    if (fields.length > 1 || field.trim() !== "") records.push(fields);
    [fields, field] = [[], ""];
  };
  for (let at = 0; at < text.length && records.length < MOST_RECORDS; at++) {
    const c = text[at]!;
    if (quoted) {
      if (c === '"' && text[at + 1] === '"') at++;
      else if (c === '"') quoted = false;
      if (c !== '"' || quoted) field += c;
    } else if (c === '"' && field === "") quoted = true;
    else if (c === separator) {
      fields.push(field);
      field = "";
    } else if (c === "\n" || c === "\r") close();
    else field += c;
  }
  // What is cut off says nothing of its record's width.
  if (whole && records.length < MOST_RECORDS && (field !== "" || fields.length > 0)) close();
  return records;
}
