/** Where runs are kept in the browser's own file system: a folder a run. */
const FOLDER = "runs";

/** The folder of all runs; null where there is none, or where the browser has no such file system for this page. */
export async function runsFolder(create: boolean): Promise<FileSystemDirectoryHandle | null> {
  try {
    const root = await navigator.storage.getDirectory();
    return await root.getDirectoryHandle(FOLDER, { create });
  } catch {
    return null;
  }
}

/** Whether any run was ever kept, which can be known without loading what reads them. */
export async function anythingKept(): Promise<boolean> {
  return (await runsFolder(false)) !== null;
}
