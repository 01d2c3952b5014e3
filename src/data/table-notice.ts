import { quote } from "../core/format.ts";
import { plainly, type Reading } from "./csv-looks.ts";

/** What was read as the file has it and may be meant otherwise. `value` is one of the column's. */
export type TableNotice =
  /** Texts that look like numbers are categories, or classes. */
  | {
      readonly kind: "numbers" | "label-numbers";
      readonly column: string;
      readonly value: string;
      readonly reading: Reading;
    }
  /** Most of a column's texts are numbers, in whatever notation, and it holds categories, or classes; `value` is none of them. */
  | {
      readonly kind: "mixed" | "label-mixed";
      readonly column: string;
      readonly value: string;
      /** Of that value, as the file counts. */
      readonly line: number;
      readonly unit: "line" | "row";
    }
  /** Texts that differ in case or spaces alone are two categories, or classes. */
  | { readonly kind: "alike" | "label-alike"; readonly column: string; readonly value: string; readonly other: string }
  /** Numbers between semicolons whose point may stand between thousands. */
  | { readonly kind: "points" | "label-points"; readonly column: string; readonly value: string }
  /** Leading zeros of numbers, as codes have them, went lost. */
  | { readonly kind: "zeros" | "label-zeros"; readonly column: string; readonly value: string }
  /** A whole number that f64 does not hold; `other` is what it was read as. */
  | {
      readonly kind: "digits" | "label-digits";
      readonly column: string;
      readonly value: string;
      readonly other: string;
    }
  /** Texts that look like dates or times are categories, or classes. */
  | { readonly kind: "dates" | "label-dates"; readonly column: string; readonly value: string }
  /** Every row has a category, or a class, of its own. */
  | { readonly kind: "unique" | "label-unique"; readonly column: string; readonly value: string }
  /** A column of whole numbers that count the rows is one of the features. */
  | { readonly kind: "counts"; readonly column: string; readonly value: string }
  | { readonly kind: "constant"; readonly column: string; readonly value: string }
  | BytesNotice
  /** Names of columns are numbers: the first line may be a row. */
  | { readonly kind: "names"; readonly column: string; readonly value: string }
  /** Different numbers that f32 does not tell apart, where nothing scales them first. */
  | { readonly kind: "merged"; readonly column: string; readonly value: string; readonly other: string }
  /** Different numbers to predict that f32 does not tell apart. */
  | { readonly kind: "label-merged"; readonly column: string; readonly value: string; readonly other: string };

/** What flat rows of bytes were taken for: pixels of so many rows and columns, as far as they tell, or numbers as they are. */
export interface BytesNotice {
  /** Whether they are pixels. */
  readonly kind: "pixels" | "bytes";
  /** Name of the array. */
  readonly column: string;
  /** Rows and columns of the pixels, "28 x 28"; empty where they are not told. */
  readonly value: string;
}

/** What reads such a number: flags of the command and options of the library have the same names. */
export function readingText(reading: Reading, value: string): string {
  if (reading === "signs") return "once the signs around it are taken off";
  if (reading === "units") return "once all are brought to one unit and written without it";
  if (reading === "written") return `once it is written ${plainly(value)}`;
  const given = (["decimal", "thousands"] as const).filter((key) => reading[key] !== undefined);
  const flags = given.map((key) => `--${key} ${reading[key] === " " ? '" "' : reading[key]}`).join(" ");
  return `with ${flags} (${given.map((key) => `${key}: ${JSON.stringify(reading[key])}`).join(", ")})`;
}

/** What to do about a text among numbers, which is quoted. */
export function strayText(value: string): string {
  return `where it stands for a missing value, say so: --missing-values ${value} (missingValues), or leave the field empty`;
}

/** In one line of English, with what to do. */
export function noticeText(notice: TableNotice): string {
  const column = `column ${quote(notice.column)}`;
  const value = quote(notice.value);
  switch (notice.kind) {
    case "numbers":
      return `${column} holds categories: ${value} is a number ${readingText(notice.reading, notice.value)}`;
    case "mixed":
      return `${column} holds categories, though most are numbers: ${value} in ${notice.unit} ${notice.line} is none; ${strayText(value)}`;
    case "label-mixed":
      return `${column} is to be predicted and holds classes, though most are numbers: ${value} in ${notice.unit} ${notice.line} is none; ${strayText(value)}`;
    case "alike":
      return `${column} holds ${value} and ${quote(notice.other)} as two categories: write them alike where they mean one`;
    case "label-alike":
      return `${column} is to be predicted and holds ${value} and ${quote(notice.other)} as two classes: write them alike where they mean one`;
    case "points":
      return `${column} is read with a point before decimals, ${value} as ${Number(notice.value)}: where it stands between thousands, say --thousands . --decimal ,`;
    case "label-points":
      return `${column} is to be predicted and read with a point before decimals, ${value} as ${Number(notice.value)}: where it stands between thousands, say --thousands . --decimal ,`;
    case "zeros":
      return `${column} loses leading zeros: ${value} is the number ${Number(notice.value)}; where it is a code, take it as categories (--categorical) or leave it out`;
    case "label-zeros":
      return `${column} is to be predicted and loses leading zeros: ${value} is the number ${Number(notice.value)}; where it names classes, say --task classification`;
    case "digits":
      return `${column} loses digits: ${notice.value} is read as ${notice.other}; where it is an identifier, leave it out, else take the same number off each in the file`;
    case "label-digits":
      return `${column} is to be predicted and loses digits: ${notice.value} is read as ${notice.other}; take the same number off each in the file`;
    case "dates":
      return `${column} holds categories: ${value} looks like a date; make a number of it, or leave it out`;
    case "unique":
      return `${column} has a text of its own in every row, such as ${value}: nothing can be learned from that; leave it out`;
    case "label-numbers":
      return `${column} is to be predicted and holds classes: ${value} is a number ${readingText(notice.reading, notice.value)}`;
    case "label-dates":
      return `${column} is to be predicted and holds classes: ${value} looks like a date; make a number of it, or predict another column (--label)`;
    case "label-unique":
      return `${column} is to be predicted and has a text of its own in every row, such as ${value}: no row helps to tell another's; predict another column (--label)`;
    case "counts":
      return `${column} counts the rows (${value}, ...): where it is no measurement, leave it out`;
    case "constant":
      return `${column} is ${value} in every row: nothing can be learned from that`;
    case "pixels": {
      const looks = notice.value === "" ? "" : ` of ${notice.value}`;
      return `bytes taken as pixels${looks}, divided by 255 (numbers that are none: store them as f32)`;
    }
    case "bytes":
      return "bytes taken as they are (pixels: give them the shape [n, height, width])";
    case "names":
      return `${value} of the first line is taken as a column's name; if the line is a row, say --no-header (header: false)`;
    case "merged":
      return `${column} loses digits: ${notice.value} and ${notice.other} are one number in f32; standardise the columns`;
    case "label-merged":
      return `${column} is to be predicted and loses digits: ${notice.value} and ${notice.other} are one number in f32; take the same number off each in the file`;
  }
}
