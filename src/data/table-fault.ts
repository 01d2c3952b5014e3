import { ChainruleError } from "../core/errors.ts";

/**
 * What is wrong with a table, beside the error's message: that is in English and names flags and options, and a page says
 * it in its own language and names its fields.
 */
export interface TableFault {
  readonly fault: Fault;
  /** What to do, or what is meant. */
  readonly way?: Way | undefined;
  /** What stands in the places of its words: "file" and others. Texts of the file are in quotes. */
  readonly values: Readonly<Record<string, string | number>>;
}

export type Fault =
  | ("empty" | "noRows" | "foreign" | "notUtf8" | "utf16" | "zeroBytes")
  | ("oneColumn" | "width" | "names" | "twins" | "nameless" | "noNames" | "quoteInside" | "quoteBehind" | "quoteOpen")
  | ("lacking" | "missing" | "number" | "many" | "noColumn" | "nothingLeft");

export type Way =
  | ("title" | "comment" | "commentRow" | "rowNames")
  | ("everywhere" | "leaveOut" | "marks" | "signs" | "units" | "plainly" | "noNumber" | "flags" | "above" | "stray")
  | Foreign;

/** What is named as a table and is none. */
export type Foreign =
  | ("html" | "xml" | "json" | "pdf" | "rtf" | "arff" | "libsvm" | "lfs")
  | ("excel" | "zip" | "hdf5" | "matlab" | "pickle" | "sqlite");

/** The error of such a fault, of the code "data". */
export function tableError(message: string, fault: TableFault): ChainruleError {
  return new ChainruleError("data", message, { cause: fault });
}

/** What an error says of a table; null of any other error. */
export function faultOf(error: unknown): TableFault | null {
  const cause = error instanceof Error ? (error.cause as Partial<TableFault> | undefined) : undefined;
  return cause?.fault && cause.values ? (cause as TableFault) : null;
}
