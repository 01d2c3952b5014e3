import { ChainruleError } from "../../core/errors.ts";
import { MAX_CHECKPOINT_BYTES } from "../../io/checkpoint/checkpoint.ts";
import type { CheckpointStore, Slot } from "../../io/checkpoint/slots.ts";
import { runsFolder } from "./saved-folder.ts";

/** Runs that are kept; of more, those go that were trained longest ago. */
const MOST_RUNS = 8;

/** What workers can do with such a file; the compiler's types for pages leave it out. */
interface SyncAccess {
  truncate(size: number): void;
  write(bytes: Uint8Array, options: { at: number }): number;
  flush(): void;
  close(): void;
}
type WorkerFile = FileSystemFileHandle & { createSyncAccessHandle(): Promise<SyncAccess> };

const fileOf = (slot: Slot): string => `checkpoint-${slot}.safetensors`;

/**
 * Two files of a folder in the browser's own file system, which no other page sees and nothing sends anywhere. A file
 * is written in place: when that is cut short, its checksum says so, and the other slot counts.
 */
export function opfsStore(run: string): CheckpointStore {
  const folder = async (create: boolean): Promise<FileSystemDirectoryHandle | null> => {
    const runs = await runsFolder(create);
    if (!runs) {
      if (create) throw new ChainruleError("file", "this browser keeps no files for this page");
      return null;
    }
    return runs.getDirectoryHandle(run, { create }).catch((error: unknown) => absent(error));
  };
  return {
    async read(slot) {
      const handle = await (await folder(false))?.getFileHandle(fileOf(slot)).catch((error: unknown) => absent(error));
      const file = await handle?.getFile();
      if (!file) return null;
      if (file.size > MAX_CHECKPOINT_BYTES)
        throw new ChainruleError("file", `checkpoint: ${file.size} bytes are too many`);
      return new Uint8Array(await file.arrayBuffer());
    },
    async write(slot, bytes) {
      await makeRoom(run);
      const handle = await (await folder(true))!.getFileHandle(fileOf(slot), { create: true });
      const access = await (handle as WorkerFile).createSyncAccessHandle();
      try {
        access.truncate(0);
        const written = access.write(bytes, { at: 0 });
        if (written !== bytes.length)
          throw new ChainruleError("file", `${written} of ${bytes.length} bytes could be written`);
        access.flush();
      } finally {
        access.close();
      }
    },
    async remove(slot) {
      await (await folder(false))?.removeEntry(fileOf(slot)).catch((error: unknown) => absent(error));
    },
  };
}

/** Nothing where nothing is; any other error is one. */
function absent(error: unknown): null {
  if (error instanceof DOMException && error.name === "NotFoundError") return null;
  throw error;
}

/** Removes the runs trained longest ago where `run` would be one too many. */
async function makeRoom(run: string): Promise<void> {
  const runs = await runsFolder(true);
  if (!runs) return;
  const found: { name: string; time: number }[] = [];
  for await (const [name, entry] of runs.entries()) {
    if (name === run) return;
    if (entry.kind === "directory") found.push({ name, time: await lastTime(entry as FileSystemDirectoryHandle) });
  }
  found.sort((a, b) => b.time - a.time);
  for (const { name } of found.slice(MOST_RUNS - 1)) {
    // Another tab may be writing there: then it stays.
    await runs.removeEntry(name, { recursive: true }).catch(() => undefined);
  }
}

async function lastTime(folder: FileSystemDirectoryHandle): Promise<number> {
  let time = 0;
  for await (const entry of folder.values()) {
    if (entry.kind === "file") time = Math.max(time, (await (entry as FileSystemFileHandle).getFile()).lastModified);
  }
  return time;
}
