import { readdirSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { ChainruleError } from "../core/errors.ts";
import type { NdArray, Shape } from "../core/ndarray.ts";
import type { DataSplit } from "../data/dataset.ts";
import { imagesAmong, loadImageFolder } from "../io/dataset/images/folder.ts";
import { readImages } from "../io/dataset/images/read.ts";
import { reason } from "../io/node-files.ts";
import { readBytes } from "./files.ts";
import { clearProgress, everySoOften, note } from "./output.ts";

export const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/** Files that a folder may have: beyond, one was meant that holds far more than images. */
const MOST_FILES = 2 ** 22;

/** Paths of the files of a folder, with / between their parts on any system. Links to folders are not followed. */
function filesIn(folder: string): string[] {
  const found: string[] = [];
  const walk = (within: string): void => {
    for (const entry of readdirSync(join(folder, within), { withFileTypes: true })) {
      const path = within === "" ? entry.name : `${within}/${entry.name}`;
      if (entry.isDirectory()) walk(path);
      else found.push(path);
      if (found.length > MOST_FILES) throw new ChainruleError("data", `${folder}: more than ${MOST_FILES} files`);
    }
  };
  try {
    walk("");
  } catch (error) {
    if (error instanceof ChainruleError) throw error;
    throw new ChainruleError("file", `cannot read ${folder}: ${reason(error)}`, { cause: error });
  }
  return found;
}

interface Reading {
  readonly size: readonly [height: number, width: number] | undefined;
  /** Shape of the rows that the net takes. */
  readonly input: Shape;
}

function reading(folder: string, { size, input }: Reading) {
  const tell = everySoOften();
  return {
    ...{ input, read: async (path: string) => readBytes(join(folder, path)) },
    ...(size ? { size } : {}),
    onProgress: (done: number, all: number) => tell(`reading images: ${done} of ${all}`),
  };
}

/** Rows of a folder of images, one folder a class. */
export async function folderData(folder: string, given: Reading): Promise<DataSplit> {
  const files = filesIn(folder);
  const { others } = imagesAmong(files);
  const split = await loadImageFolder(basename(resolve(folder)), files, reading(folder, given));
  clearProgress();
  if (others > 0) note(`${folder}: ${others} files that are no .png or .jpg are left out`);
  return split;
}

/** Images of a folder and of those in it, in the order of their names, for predictions. */
export async function folderImages(folder: string, given: Reading): Promise<{ x: NdArray; paths: readonly string[] }> {
  const { images: paths } = imagesAmong(filesIn(folder));
  if (paths.length === 0) throw new ChainruleError("data", `${folder}: holds no PNG or JPEG files`);
  const { x, shape } = await readImages(paths, { ...reading(folder, given), name: basename(resolve(folder)) });
  clearProgress();
  return { x: { ...x, shape: [paths.length, ...shape] }, paths };
}
