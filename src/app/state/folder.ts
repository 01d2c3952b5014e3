import { signal } from "@preact/signals";
import type { Missing } from "../worker/types.ts";

/** A folder that was dropped, or the files of one that was chosen; null where there is none to ask about. */
export const folderSource = signal<
  { readonly entry: FileSystemDirectoryEntry } | { readonly files: readonly File[] } | null
>(null);

/** What becomes of rows and images that lack something. */
export const missing = signal<Missing>("drop");
