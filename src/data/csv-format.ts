import { ChainruleError } from "../core/errors.ts";
import { brief } from "../core/format.ts";

/** How the fields of a table are written: what a file does not tell by itself. */
export interface TableFormat {
  /** What lies between fields, one character; without it a comma, a semicolon, a tab or a bar (|), as the file tells. */
  readonly separator?: string;
  /** The mark before decimals; "." unless told otherwise. */
  readonly decimal?: "." | ",";
  /** The mark between groups of digits, as in 1,200; none unless told otherwise. */
  readonly thousands?: "," | "." | " " | "_" | "'";
  /** Texts that stand for a missing value, in place of `missingTexts`. An empty field always does. */
  readonly missingValues?: readonly string[];
  /**
   * Whether the first line names the columns. Without it, it does, and a first line without a name in it is refused;
   * true takes any as names; false takes it as a row, and the columns are c1, c2, ...
   */
  readonly header?: boolean;
}

/** What stands for a missing value, in features and labels alike, as pandas, R, SQL and Weka write it. */
export const missingTexts: readonly string[] = [
  ...["", "NA", "N/A", "n/a", "NaN", "nan", "NAN", "null", "NULL", "Null", "None", "?", "<NA>", "#N/A"],
];

/** Reads fields of one format. Texts are given without spaces around them. */
export interface FieldReader {
  readonly isMissing: (text: string) => boolean;
  /** NaN where the text is no decimal number of this format. */
  readonly number: (text: string) => number;
}

const marks: Readonly<Record<string, string>> = { ".": "\\.", " ": "[ \\u00a0\\u202f]", "'": "['\\u2019]" };

/** One way to match each text, so that a long field cannot make it backtrack. */
function pattern(decimal: string, thousands: string | undefined): RegExp {
  const [point, mark] = [decimal, thousands ?? ""].map((m) => marks[m] ?? m);
  // Groups of three; or of two before the last, as in 12,34,567.
  const whole = mark ? `(?:\\d+|\\d{1,3}(?:${mark}\\d{2,3})*${mark}\\d{3})` : "\\d+";
  return new RegExp(`^[+-]?(?:${whole}(?:${point}\\d*)?|${point}\\d+)(?:[eE][+-]?\\d+)?$`);
}

/** Throws ChainruleError "usage" for marks that there are not, or one mark for both decimals and thousands. */
export function fieldReader(format: TableFormat = {}): FieldReader {
  const { separator = ",", decimal = ".", thousands, missingValues = missingTexts } = format;
  if (typeof separator !== "string" || !/^[^"\r\n]$/.test(separator)) {
    const got = brief(separator);
    throw new ChainruleError("usage", `separator is one character, no double quote or end of a line, got ${got}`);
  }
  if (decimal !== "." && decimal !== ",")
    throw new ChainruleError("usage", `decimal is "." or ",", got ${brief(decimal)}`);
  if (thousands !== undefined && ![",", ".", " ", "_", "'"].includes(thousands)) {
    throw new ChainruleError("usage", `thousands is one of , . _ ' and a space, got ${brief(thousands)}`);
  }
  if (decimal === thousands) {
    throw new ChainruleError("usage", `"${decimal}" cannot be the mark of decimals and of thousands`);
  }
  const missing = new Set(["", ...missingValues.map((text) => text.trim())]);
  const plain = pattern(decimal, thousands);
  const between = thousands && new RegExp(marks[thousands] ?? thousands, "g");
  const number = (text: string): number => {
    if (!plain.test(text)) return Number.NaN;
    const digits = between ? text.replace(between, "") : text;
    return Number(decimal === "," ? digits.replace(",", ".") : digits);
  };
  // -999 is -999.0 too.
  const values = new Set([...missing].map(number).filter((value) => !Number.isNaN(value)));
  const isMissing = (text: string): boolean => missing.has(text) || (values.size > 0 && values.has(number(text)));
  return { isMissing, number };
}
