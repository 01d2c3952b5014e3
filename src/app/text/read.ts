import { readText } from "../../data/text/read-text.ts";
import { trainOnOwn } from "../state/store.ts";
import { ownText } from "../state/text-run.ts";
import type { DroppedFile, TextSource } from "../worker/types.ts";

type OwnSource = Extract<TextSource, { readonly text: string }>;

/** Trains on a text of the user's. */
export function learn(source: OwnSource): void {
  const { read, more } = ownText(source);
  trainOnOwn(read, more);
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

/** The text of a file; null where it is a table. Throws ChainruleError "file" where it is no UTF-8. */
export function textIn({ name, bytes }: DroppedFile): OwnSource | null {
  const text = readText(name, bytes);
  return looksLikeTable(text) ? null : { name, text };
}
