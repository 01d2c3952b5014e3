import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { ChainruleError } from "../../core/errors.ts";
import { makeFolder, reason, requireWritable, writeWhole } from "../node-files.ts";
import { MAX_CHECKPOINT_BYTES } from "./checkpoint.ts";
import type { CheckpointStore, Slot } from "./slots.ts";

const fileOf = (folder: string, slot: Slot): string => join(folder, `checkpoint-${slot}.safetensors`);
/** What a process that was killed while it wrote leaves behind; see `temporary`. */
const LEFT_BEHIND = /^checkpoint-[01]\.safetensors\.\d+\.part$/;

/** Two files of a folder. Node only. A file is written under another name, brought to the disk, then put in place. */
export function diskStore(folder: string): CheckpointStore {
  return {
    async read(slot) {
      const path = fileOf(folder, slot);
      try {
        const size = statSync(path, { throwIfNoEntry: false })?.size;
        if (size === undefined) return null;
        if (size > MAX_CHECKPOINT_BYTES) throw new Error(`${size} bytes, more than the ${MAX_CHECKPOINT_BYTES} of any`);
        return new Uint8Array(readFileSync(path));
      } catch (error) {
        throw new ChainruleError("file", `cannot read ${path}: ${reason(error)}`, { cause: error });
      }
    },
    async write(slot, bytes) {
      writeWhole(fileOf(folder, slot), bytes);
      for (const name of readdirSync(folder)) {
        if (LEFT_BEHIND.test(name)) rmSync(join(folder, name), { force: true });
      }
    },
    async remove(slot) {
      rmSync(fileOf(folder, slot), { force: true });
    },
  };
}

/** Makes the folder where it is missing, and finds out whether checkpoints can be written there. */
export function requireStore(folder: string): void {
  makeFolder(folder);
  requireWritable(fileOf(folder, 0));
}
