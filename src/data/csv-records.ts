import { type Fault, tableError } from "./table-fault.ts";

/** One record of a CSV file and the line (from 1) that it begins on. */
export interface CsvRecord {
  readonly line: number;
  readonly fields: readonly string[];
}

/**
 * Splits CSV text into records, as RFC 4180 has it, with any separator: fields in double quotes may hold separators, line
 * ends and doubled quotes. Lines end in LF, CRLF or CR; blank lines are skipped. Spaces are kept. `line` is the number of
 * the first.
 * Throws ChainruleError "data" naming the line where a quote is out of place or never closed.
 */
export function csvRecords(name: string, text: string, separator = ",", line = 1): CsvRecord[] {
  const records: CsvRecord[] = [];
  let fields: string[] = [];
  let recordLine = line;
  let at = 0;
  const fail = (where: number, fault: Fault, message: string): never => {
    throw tableError(`${name}, line ${where}: ${message}`, { fault, values: { file: name, line: where } });
  };

  const isEnd = (c: string): boolean => c === separator || c === "\n" || c === "\r";

  /** The quoted field whose opening quote is at `at`; leaves `at` behind the closing one. */
  const quoted = (): string => {
    const opened = line;
    let value = "";
    for (;;) {
      const end = text.indexOf('"', at + 1);
      if (end < 0) fail(opened, "quoteOpen", "a double quote is opened and never closed");
      const part = text.slice(at + 1, end);
      line += lineEnds(part);
      value += part;
      at = end + 1;
      if (text[at] !== '"') return value;
      value += '"';
    }
  };

  const bare = (): string => {
    const start = at;
    while (at < text.length && !isEnd(text[at]!)) at++;
    const value = text.slice(start, at);
    if (value.includes('"'))
      fail(line, "quoteInside", `a double quote inside a field that does not begin with one${UNLIKE}`);
    return value;
  };

  while (at < text.length) {
    const wasQuoted = text[at] === '"';
    fields.push(wasQuoted ? quoted() : bare());
    const next = text[at];
    if (next !== undefined && !isEnd(next)) fail(line, "quoteBehind", `text follows a closing double quote${UNLIKE}`);
    if (next === separator) {
      at++;
      if (at < text.length) continue;
      fields.push("");
    }
    if (wasQuoted || fields.length > 1 || fields[0] !== "") records.push({ line: recordLine, fields });
    fields = [];
    if (text[at] === "\r" && text[at + 1] === "\n") at++;
    at++;
    line++;
    recordLine = line;
  }
  return records;
}

/** What may be meant instead. */
const UNLIKE =
  "; write quotes within a field twice and those around it without spaces, or say what lies between fields";

function lineEnds(text: string): number {
  return text.match(/\r\n|\r|\n/g)?.length ?? 0;
}
