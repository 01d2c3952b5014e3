import { ChainruleError } from "../core/errors.ts";
import { fieldReader, type TableFormat } from "../data/csv-format.ts";
import type { DataFormat } from "../io/dataset/format.ts";
import { agreeing, choiceFlag, leaveOut } from "./usage.ts";

/** How the fields of a table of text are written, for parse(). */
export const formatOptions = {
  separator: { type: "string" },
  decimal: { type: "string" },
  thousands: { type: "string" },
  header: { type: "boolean" },
  "no-header": { type: "boolean" },
  "missing-values": { type: "string" },
} as const;

type Values = { readonly [K in keyof typeof formatOptions]?: string | boolean | undefined };

/** Flags that mean something for text alone, and those that do for Parquet's columns as well. */
const ofText = ["separator", "decimal", "thousands", "header", "no-header"];
const ofTables = [...ofText, "missing-values", "missing", "label", "features", "categorical"];

/** How the fields of a CSV file are written. Throws a usage error that names the flag. */
export function formatFlags(values: Values): TableFormat {
  const text = (name: keyof Values): string | undefined => values[name] as string | undefined;
  const separator = separatorFlag(text("separator"));
  const thousands = choiceFlag("thousands", text("thousands"), [",", ".", " ", "_", "'"] as const);
  const decimal = choiceFlag("decimal", text("decimal"), [".", ","] as const);
  const missing = text("missing-values");
  if (values.header && values["no-header"])
    throw new ChainruleError("usage", "--header and --no-header exclude each other");
  const header = values.header ? true : values["no-header"] ? false : undefined;
  const format: TableFormat = {
    ...(separator === undefined ? {} : { separator }),
    ...(decimal === undefined ? {} : { decimal }),
    ...(thousands === undefined ? {} : { thousands }),
    ...(missing === undefined ? {} : { missingValues: missing.split(",") }),
    ...(header === undefined ? {} : { header }),
  };
  fieldReader(format);
  return format;
}

/** A tab is hard to type: \t and the word are one, too. */
function separatorFlag(text: string | undefined): string | undefined {
  if (text === "\\t" || text === "tab") return "\t";
  if (text === undefined || text.length === 1) return text;
  throw new ChainruleError("usage", `--separator must be one character, or tab, got "${text}"`);
}

/**
 * Refuses flags that a file of this format has no use for, `given` by their names without the dashes. Throws
 * ChainruleError "usage" that names them.
 */
export function requireUse(given: readonly string[], file: string, format: DataFormat | "images" | null): void {
  if (format !== null && format !== "images" && given.includes("image-size")) {
    throw new ChainruleError("usage", `--image-size is for a folder of images, and ${file} is none: leave it out`);
  }
  if (format === "images" && given.includes("channels-last")) {
    throw new ChainruleError(
      "usage",
      "--channels-last is for arrays, and images say themselves how they lie: leave it out",
    );
  }
  if ((format === "csv" || format === "parquet") && given.includes("channels-last")) {
    throw new ChainruleError("usage", `--channels-last is for arrays, and ${file} is a table: leave it out`);
  }
  if (format === null || format === "csv") return;
  const stray = (format === "parquet" ? ofText : ofTables).filter((name) => given.includes(name));
  if (stray.length === 0) return;
  const why =
    format === "parquet"
      ? "for text, and a Parquet file says itself how its values are to be read"
      : `for tables, and ${file} (${format}) holds arrays`;
  throw new ChainruleError("usage", `${agreeing(stray, "is", "are")} ${why}: ${leaveOut(stray)}`);
}
