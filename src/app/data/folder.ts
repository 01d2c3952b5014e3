import type { FolderImages } from "../worker/types.ts";

export type FolderFile = FolderImages["files"][number];

/** The images of a folder, each with the name of the folder that it lies in. */
export interface Folder {
  readonly name: string;
  readonly files: readonly FolderFile[];
  readonly classes: readonly string[];
  /** True where there are more files than are looked at. */
  readonly tooMany: boolean;
}

/** Images of a set that a page trains on in memory, and folders within folders. */
export const MOST_FILES = 20_000;
const MOST_DEPTH = 8;
/** Other files (notes, hidden files of the system) are passed over. */
const IMAGE = /\.(png|jpe?g|gif|webp|bmp)$/i;

/** Files as a chooser of folders gives them: with their paths from the chosen folder on. */
export function folderOfFiles(files: readonly File[]): Folder {
  const found = files.map((file) => ({ path: file.webkitRelativePath || file.name, file }));
  return folderOf(found[0]?.path.split("/")[0] ?? "", found);
}

/** A folder that was dropped, read to its leaves. */
export async function folderOfEntry(root: FileSystemDirectoryEntry): Promise<Folder> {
  const found: { path: string; file: File }[] = [];
  const visit = async (folder: FileSystemDirectoryEntry, path: string, depth: number): Promise<void> => {
    const reader = folder.createReader();
    // A reader gives some hundred entries at a time, and none when it is done.
    for (;;) {
      const entries = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
      if (entries.length === 0) return;
      for (const entry of entries) {
        if (found.length > MOST_FILES) return;
        const at = `${path}/${entry.name}`;
        if (entry.isDirectory && depth < MOST_DEPTH) await visit(entry as FileSystemDirectoryEntry, at, depth + 1);
        else if (entry.isFile && IMAGE.test(entry.name)) {
          const file = await new Promise<File>((resolve, reject) =>
            (entry as FileSystemFileEntry).file(resolve, reject),
          );
          found.push({ path: at, file });
        }
      }
    }
  };
  await visit(root, root.name, 0);
  return folderOf(root.name, found);
}

function folderOf(name: string, found: readonly { readonly path: string; readonly file: File }[]): Folder {
  const images = found.filter(({ path }) => IMAGE.test(path));
  const files = images.map(({ path, file }) => ({ path, file, label: path.split("/").at(-2) ?? "" }));
  // The same rows whatever order the system lists them in.
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  return {
    name,
    files: files.slice(0, MOST_FILES),
    classes: [...new Set(files.map((f) => f.label))].sort(),
    tooMany: files.length > MOST_FILES,
  };
}
