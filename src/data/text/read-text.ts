import { ChainruleError } from "../../core/errors.ts";
import { brief } from "../../core/format.ts";

/**
 * The text of a file in UTF-8, without the mark that some begin with. Line ends stay as they are. Throws ChainruleError
 * "file" naming the file and the byte, counted from 0, at which it is no UTF-8; a text of nothing is refused too.
 */
export function readText(name: string, bytes: Uint8Array): string {
  const mark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  const fail = (message: string, cause?: unknown): never => {
    throw new ChainruleError("file", `${name}: ${message}`, { cause });
  };
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    fail("its first two bytes are the mark of UTF-16: save it as UTF-8");
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.subarray(mark));
  } catch (cause) {
    return fail(`byte ${wrongByte(bytes)} is no UTF-8, which texts are read as: save it as UTF-8`, cause);
  }
  if (text === "") fail("there is no text in it");
  return text;
}

/** Where bytes stop to be UTF-8, by halves: a decoder says no more than that they do. */
function wrongByte(bytes: Uint8Array): number {
  const sound = (end: number): boolean => {
    try {
      // A stream may end within a character.
      new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, end), { stream: true });
      return true;
    } catch {
      return false;
    }
  };
  let [low, high] = [0, bytes.length];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (sound(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Of the longest line that is parsed: a document, not a file of gigabytes in one. */
const MAX_LINE = 2 ** 26;

/**
 * The documents of a .jsonl file: of each line, an object, the text in field `column`. Empty lines are passed over. Throws
 * ChainruleError "file" naming the file and the line, counted from 1.
 */
export function readDocuments(name: string, bytes: Uint8Array, column = "text"): string[] {
  const documents: string[] = [];
  const lines = readText(name, bytes).split("\n");
  for (const [i, raw] of lines.entries()) {
    const line = raw.trim();
    if (line === "") continue;
    const fail = (message: string, cause?: unknown): never => {
      throw new ChainruleError("file", `${name}, line ${i + 1}: ${message}`, { cause });
    };
    if (line.length > MAX_LINE) fail(`${line.length} characters, more than the ${MAX_LINE} that are accepted`);
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (cause) {
      fail(`not JSON: ${cause instanceof Error ? cause.message.slice(0, 100) : ""}`, cause);
    }
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      fail(`an object with a field ${brief(column)} is needed, got ${brief(value)}`);
    }
    const record = value as Record<string, unknown>;
    if (!Object.hasOwn(record, column)) {
      const names = Object.keys(record);
      const known = names.slice(0, 8).map((key) => brief(key));
      fail(`no field ${brief(column)} that would hold the text; there are ${known.join(", ") || "none"}`);
    }
    const text = record[column];
    if (typeof text !== "string") return fail(`${brief(column)} must be text, got ${brief(text)}`);
    if (/\p{Surrogate}/u.test(text)) fail(`${brief(column)} holds half a character (a surrogate without its other)`);
    documents.push(text);
  }
  if (documents.every((text) => text === "")) throw new ChainruleError("file", `${name}: there is no text in it`);
  return documents;
}
