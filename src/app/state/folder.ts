import { signal } from "@preact/signals";
import type { DroppedFile, Missing, TableChoice } from "../worker/types.ts";

/** A folder that was dropped, or the files of one that was chosen; null where there is none to ask about. */
export const folderSource = signal<
  { readonly entry: FileSystemDirectoryEntry } | { readonly files: readonly File[] } | null
>(null);

/** What becomes of rows and images that lack something. */
export const missing = signal<Missing>("drop");

/** The rows that were dropped last, to be read again as they are meant; empty where something else was. */
export const tableFiles = signal<readonly File[]>([]);
export const tableChoice = signal<TableChoice>({});

/** Whether a place to paste a text is open. */
export const pasting = signal(false);

export function readFiles(files: readonly File[]): Promise<DroppedFile[]> {
  return Promise.all(files.map(async (f) => ({ name: f.name, bytes: new Uint8Array(await f.arrayBuffer()) })));
}
