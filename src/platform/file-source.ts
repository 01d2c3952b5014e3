import { open } from "node:fs/promises";
import type { ByteSource } from "../core/byte-source.ts";
import { ChainruleError } from "../core/errors.ts";

/** A file of this machine, of which parts are read when they are needed. */
export interface FileSource extends ByteSource {
  /** Closes the file; what is read afterwards rejects. */
  close(): Promise<void>;
}

/**
 * Opens a file of this machine for reading, until it is closed; `name` is the path's last part. Throws ChainruleError
 * "file" where it cannot be opened, and so do its reads where the file ends before them.
 */
export async function openFileSource(path: string): Promise<FileSource> {
  const fail = (cause: unknown): never => {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "there is no such file" : message;
    throw new ChainruleError("file", `cannot read ${path}: ${why}`, { cause });
  };
  const file = await open(path, "r").catch(fail);
  const { size } = await file.stat().catch(fail);
  return {
    name: path.split(/[\\/]/).at(-1)!,
    size,
    async read(offset, length) {
      const bytes = new Uint8Array(length);
      // A read may give less than was asked for; one that gives nothing is the end of a file that was cut meanwhile.
      for (let done = 0; done < length; ) {
        const { bytesRead } = await file.read(bytes, done, length - done, offset + done).catch(fail);
        if (bytesRead === 0)
          throw new ChainruleError("file", `${path} ended at byte ${offset + done} while it was read`);
        done += bytesRead;
      }
      return bytes;
    },
    close: () => file.close(),
  };
}
