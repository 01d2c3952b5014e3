import { gunzipIfNeeded } from "../../data/gunzip.ts";
import { readDocuments, readText } from "../../data/text/read-text.ts";
import { pasting } from "../state/folder.ts";
import { trainOnOwn } from "../state/store.ts";
import { ownText } from "../state/text-run.ts";
import type { DroppedFile, OwnDocuments } from "../worker/types.ts";

/** Trains on a text of the user's. */
export function learn(source: OwnDocuments): void {
  const { read, more } = ownText(source);
  const taken = async () => {
    const info = await read();
    // What was refused stays where it can be mended.
    pasting.value = false;
    return info;
  };
  trainOnOwn(taken, more);
}

/** Lines that are looked at to tell a table from a text, and marks between the fields of a table. */
const LINES = 12;
const MARKS = [",", ";", "\t", "|"];

/** Whether the first lines have fields: the same mark equally often in each. */
function looksLikeTable(text: string): boolean {
  const lines = text
    .split(/\r?\n/, LINES + 1)
    .filter((line) => line.trim() !== "")
    .slice(0, LINES);
  if (lines.length < 2) return false;
  return MARKS.some((mark) => {
    const counts = lines.map((line) => line.split(mark).length);
    return counts[0]! > 1 && counts.every((n) => n === counts[0]);
  });
}

/** Documents of a .jsonl file that are kept whole: of fewer a tenth is none, and they are one text. */
const FEW_DOCUMENTS = 20;

/**
 * The text of a file; null where it is a table. Throws ChainruleError "file" where it is no UTF-8, or naming the line of a
 * .jsonl file that is wrong.
 */
export async function textIn(given: DroppedFile): Promise<OwnDocuments | null> {
  const { name } = given;
  const bytes = await gunzipIfNeeded(name, given.bytes);
  if (/\.jsonl(\.gz)?$/i.test(name)) {
    const column = fieldIn(bytes);
    const documents = readDocuments(name, bytes, column);
    return { name, column, documents: documents.length < FEW_DOCUMENTS ? [documents.join("\n")] : documents };
  }
  const text = readText(name, bytes);
  return looksLikeTable(text) ? null : { name, documents: [text], column: null };
}

/** Longest first line that is looked at. */
const MOST_LINE = 2 ** 20;

/** The field that holds the text, by the first line: "text", else the one that holds the longest. */
function fieldIn(bytes: Uint8Array): string {
  const end = bytes.indexOf(10);
  try {
    const first = new TextDecoder().decode(bytes.subarray(0, Math.min(end < 0 ? bytes.length : end, MOST_LINE)));
    const fields = Object.entries(JSON.parse(first) as object).filter(([, value]) => typeof value === "string");
    if (fields.length === 0 || fields.some(([key]) => key === "text")) return "text";
    return fields.reduce((a, b) => (String(b[1]).length > String(a[1]).length ? b : a))[0];
  } catch {
    return "text";
  }
}

/** Whether a file of JSON is a tokenizer of Hugging Face's. */
export function isTokenizer({ bytes }: DroppedFile): boolean {
  // Its beginning has the version, then what it adds and how it cuts; the model comes last, with all its tokens.
  const start = new TextDecoder().decode(bytes.subarray(0, 2 ** 16));
  return /"(added_tokens|pre_tokenizer|normalizer|post_processor)"\s*:/.test(start);
}
