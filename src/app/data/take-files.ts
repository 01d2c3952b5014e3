import { readHeader } from "../../io/safetensors/header.ts";
import { bytesText } from "../draw/format.ts";
import { folderSource, missing, readFiles, tableChoice, tableFiles } from "../state/folder.ts";
import { problem, takeNet, trainOn } from "../state/store.ts";
import { isTokenizer, learn, textIn } from "../text/read.ts";
import { takeTokenizer } from "../text/reread.ts";
import type { DroppedFile } from "../worker/types.ts";
import { say } from "./strings.ts";

/** Files of the user's that are read into memory, where rows take several times as much. */
const MOST_BYTES = 2 ** 29;
const NETS = /\.(onnx|json|keras|h5|hdf5|pth?|ckpt|pth\.tar)$/i;

/** What may be a text: a .txt file may hold a table too. */
const TEXTS = /\.(txt|md|jsonl)(\.gz)?$/i;

/** A dropped folder is one of images; anything else are files. */
export function takeDrop(folder: FileSystemDirectoryEntry | undefined, files: readonly File[]): Promise<void> {
  if (!folder) return takeFiles(files);
  folderSource.value = { entry: folder };
  return Promise.resolve();
}

/** Takes files for a net, for weights or for rows, by their names and by what is in them. */
export async function takeFiles(given: readonly File[]): Promise<void> {
  if (given.length === 0) return;
  const size = given.reduce((sum, f) => sum + f.size, 0);
  if (size > MOST_BYTES) {
    problem.value = say("tooLarge", { bytes: bytesText(size), most: bytesText(MOST_BYTES) });
    return;
  }
  try {
    const files = await readFiles(given);
    const alone = files.length === 1 ? files[0]! : null;
    if (alone && /\.json$/i.test(alone.name) && isTokenizer(alone)) {
      await takeTokenizer(alone);
      return;
    }
    if (files.some(({ name }) => NETS.test(name)) || files.some(holdsWeights)) return takeNet(files);
    if (alone && TEXTS.test(alone.name)) {
      const text = await textIn(alone);
      if (text) return learn(text);
    }
    tableFiles.value = given;
    tableChoice.value = {};
    trainOn({ files, missing: missing.value });
  } catch (cause) {
    problem.value = cause instanceof Error ? cause.message : String(cause);
  }
}

/** Whether a .safetensors file holds weights, whose names have a layer before a dot, and not the x and y of rows. */
function holdsWeights({ name, bytes }: DroppedFile): boolean {
  if (!/\.safetensors$/i.test(name)) return false;
  return readHeader(bytes).entries.some((tensor) => tensor.name.includes("."));
}
