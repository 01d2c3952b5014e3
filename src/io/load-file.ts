import { requireBytes } from "../core/arguments.ts";
import { ChainruleError } from "../core/errors.ts";
import { cast, type NdArray, reshape, shapeText, sizeOf } from "../core/ndarray.ts";
import { type CsvOptions, readCsv } from "../data/csv.ts";
import { type Dataset, validateDataset } from "../data/dataset.ts";
import { gunzipIfNeeded } from "../data/gunzip.ts";
import { pairIdx } from "../data/idx.ts";
import { readNpy } from "./npy.ts";
import { readTensors } from "./tensor-file.ts";

/** What a file's name and bytes leave open. */
export interface LoadFileOptions extends CsvOptions {
  /** Gives a file beside the named one: the labels of an IDX pair, the other half of an .npy pair. */
  readonly read?: (file: string) => Promise<Uint8Array>;
  /** What the pixels of an IDX file are divided by; 255 unless told otherwise. */
  readonly scale?: number;
}

/**
 * A data set from a file of the user's, told by its name:
 * - `.csv`: see readCsv, whose options apply.
 * - `.safetensors`, `.npz`: an array "x" [n, ...] and an array "y": class indices, or values to a loss on
 *   values, when it holds integers [n]; targets when it holds floats [n] or numbers [n, outputs]. x of rank 3 is taken as images.
 * - `.npy`, by an x that stands alone in the name (`x.npy`, `digits-x.npy`, `X_train.npy`): y is read from the same name
 *   with y in its place.
 * - IDX, by "images-idx3" in the name: the labels are read from the same name with "labels-idx1" in its place.
 * CSV and IDX files may be compressed with gzip, and named so: `.csv.gz`.
 * Throws ChainruleError "data" or "file" naming the file and what is wrong, "usage" for a name that tells no format.
 */
export async function loadDataFile(name: string, bytes: Uint8Array, options: LoadFileOptions = {}): Promise<Dataset> {
  requireBytes(name, bytes);
  const base = name.split(/[\\/]/).at(-1)!;
  if (/\.(safetensors|npz)$/i.test(base)) return fromTensors(base, await readTensors(base, bytes));
  if (/\.npy$/i.test(base)) return fromNpy(name, base, bytes, options);
  if (/\.csv(\.gz)?$/i.test(base)) return readCsv(base, await gunzipIfNeeded(base, bytes), options);
  if (base.includes("images-idx3")) return fromIdx(name, base, bytes, options);
  const known = ".csv, .csv.gz, .safetensors, .npz, .npy, or images-idx3 in the name of an IDX file";
  throw new ChainruleError("usage", `${base}: the name does not tell a data format; known are ${known}`);
}

async function fromIdx(path: string, base: string, bytes: Uint8Array, options: LoadFileOptions): Promise<Dataset> {
  const swap = (text: string): string => text.replace(/images-idx3(?!.*images-idx3)/s, "labels-idx1");
  if (!options.read) throw new ChainruleError("usage", `${base}: its labels, ${swap(base)}, are needed beside it`);
  let labels: Uint8Array;
  try {
    labels = await options.read(swap(path));
  } catch (cause) {
    throw new ChainruleError("file", `${base}: its labels, ${swap(base)}, could not be read`, { cause });
  }
  return pairIdx(await gunzipIfNeeded(base, bytes), await gunzipIfNeeded(swap(base), labels), {
    name: base,
    ...(options.scale === undefined ? {} : { scale: options.scale }),
    ...(options.source ? { source: options.source } : {}),
  });
}

async function fromNpy(path: string, base: string, bytes: Uint8Array, options: LoadFileOptions): Promise<Dataset> {
  const others = yNames(path);
  if (!others) throw new ChainruleError("usage", `${base}: an .npy of rows needs an x alone in its name, as in x.npy`);
  const shown = others[0]!.split(/[\\/]/).at(-1)!;
  if (!options.read) throw new ChainruleError("usage", `${base}: its other half, ${shown}, is needed beside it`);
  let y: Uint8Array | null = null;
  let cause: unknown = null;
  for (const other of others) {
    if (y) break;
    try {
      y = await options.read(other);
    } catch (error) {
      cause ??= error;
    }
  }
  if (!y) throw new ChainruleError("file", `${base}: its other half, ${shown}, could not be read`, { cause });
  const pair = [["x", readNpy(bytes, base)] as const, ["y", readNpy(y, shown)] as const];
  return fromTensors(base, new Map(pair));
}

/** The names that y may have beside this one of x, the likeliest first; null where no x stands alone in it. */
export function yNames(path: string): readonly string[] | null {
  const found = /^(.*(?<![A-Za-z]))([xX])(?![A-Za-z])([^\\/]*)$/s.exec(path);
  if (!found) return null;
  const [, before, x, behind] = found;
  return (x === "x" ? ["y"] : ["y", "Y"]).map((y) => `${before}${y}${behind}`);
}

function fromTensors(name: string, tensors: ReadonlyMap<string, NdArray>): Dataset {
  const [x, y] = [tensors.get("x"), tensors.get("y")];
  if (!x || !y) {
    throw new ChainruleError(
      "data",
      `${name}: needs arrays "x" and "y", has ${[...tensors.keys()].join(", ") || "none"}`,
    );
  }
  const image = x.shape.length === 3 ? { image: { height: x.shape[1]!, width: x.shape[2]! } } : {};
  return validateDataset({ name, x: matrix(x, `${name}, "x"`), y: targets(y, `${name}, "y"`), ...image });
}

/** [n, ...] -> f32 or f64 [n, the rest]; f64 holds every whole number too. */
function matrix(a: NdArray, where: string): NdArray {
  const inputs = sizeOf(a.shape.slice(1));
  if (a.shape.length < 2)
    throw new ChainruleError("data", `${where}: needs shape [n, inputs], got ${shapeText(a.shape)}`);
  return reshape(a.dtype === "f32" ? a : cast(a, "f64"), [a.shape[0]!, inputs]);
}

/**
 * Integers [n] or [n, 1] -> i32 [n], which are classes to one loss and values to another; floats, integers of several
 * columns and those that i32 cannot hold -> f32 [n, outputs]
 */
function targets(a: NdArray, where: string): NdArray {
  const [n, outputs = 1] = a.shape as readonly [number, number?];
  if (a.shape.length > 2) {
    throw new ChainruleError("data", `${where}: targets need shape [n, outputs], got ${shapeText(a.shape)}`);
  }
  const labels = outputs === 1 && (a.dtype === "i32" || (a.dtype === "u32" && a.data.every((v) => v < 2 ** 31)));
  return labels ? reshape(cast(a, "i32"), [n]) : reshape(cast(a, "f32"), [n, outputs]);
}
