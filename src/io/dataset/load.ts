// Every kind of file that holds rows, told apart in one place and in one order: so longer than a file should be.
import { requireBytes } from "../../core/arguments.ts";
import { ChainruleError } from "../../core/errors.ts";
import { cast, type NdArray, reshape, shapeText, sizeOf } from "../../core/ndarray.ts";
import { type CsvOptions, readCsv, tableDataset } from "../../data/csv.ts";
import { foreignFile } from "../../data/csv-foreign.ts";
import { type DataSplit, type Dataset, validateDataset } from "../../data/dataset.ts";
import { gunzipIfNeeded } from "../../data/gunzip.ts";
import { holdsPixels, idxRows, pairIdx } from "../../data/idx.ts";
import { naming } from "../naming.ts";
import { readNpy } from "../numpy/npy.ts";
import { ELEMENT_OF, readNpyHeader } from "../numpy/npy-header.ts";
import { npzFiles } from "../numpy/npz.ts";
import { readHeader } from "../safetensors/header.ts";
import { readSafetensors } from "../safetensors/safetensors.ts";
import { arrayRoles, inputsName, lengthsName, type Pair } from "./array-roles.ts";
import { dataFormat, KNOWN_FORMATS } from "./format.ts";
import {
  type BytesAs,
  bytesTaken,
  channelsFirst,
  isImages,
  LOOKED_AT,
  PIXEL_SCALE,
  scaledPixels,
} from "./image-arrays.ts";
import { baseOf, idxLabels, readBeside, yNames } from "./label-file.ts";

/** What a file's name and bytes leave open. */
export interface LoadFileOptions extends CsvOptions {
  /** Gives a file beside the named one: the labels of an IDX pair, the other half of an .npy pair. */
  readonly read?: (file: string) => Promise<Uint8Array>;
  /** What the values of an IDX file are divided by; without it bytes by 255, and nothing else. */
  readonly scale?: number;
  /** Whether arrays of images, [n, height, width, channels], have their channels last: they are moved to the front. */
  readonly channelsLast?: boolean;
  /** What bytes in arrays are: pixels, or numbers as they are, such as tokens. Without it their shape and values tell. */
  readonly bytes?: BytesAs;
}

/**
 * A data set from a file of the user's, told by its content, or by its name:
 * - `.csv`, `.tsv`, `.txt`, `.parquet`: see readCsv, whose options apply. A Parquet file has flat columns, stored plainly or
 *   compressed by Snappy, gzip or Zstandard.
 * - `.safetensors`, `.npz`: an array "x" [n, ...] and an array "y": class indices, or values to a loss on
 *   values, when it holds integers [n]; targets when it holds floats [n] or numbers [n, ...], as the classes of places are.
 *   x of rank 3 is taken as images, and bytes of rank 3 and more as their pixels, which are divided by 255; so are bytes
 *   [n, width] where rows are as long as a square image (8 x 8 and larger, of one channel or three) and some of the first
 *   1,024 hold 128 or more: `bytes` decides otherwise. `channelsLast` turns [n, h, w, c]. Also X and y, images and labels,
 *   data and target, arr_0 and arr_1; and x_train and y_train, whose test rows loadDataSplit gives.
 * - `.npy`, by an x that stands alone in the name (`x.npy`, `digits-x.npy`, `X_train.npy`): y is read from the same name
 *   with y in its place.
 * - IDX: the labels are read from the same name with "labels" in the place of "images", and idx1 in that of idx3.
 * Any may be compressed with gzip. Throws ChainruleError "data" or "file" naming the file and what is wrong, "usage" for a
 * file of no such format.
 */
export async function loadDataFile(name: string, bytes: Uint8Array, options: LoadFileOptions = {}): Promise<Dataset> {
  return (await loadDataSplit(name, bytes, options)).train;
}

/**
 * As loadDataFile, with the rows that the file itself holds out: x_test and y_test (and x_val and y_val) beside x_train
 * and y_train. `test` is null where it holds none.
 */
export async function loadDataSplit(
  name: string,
  bytes: Uint8Array,
  options: LoadFileOptions = {},
): Promise<DataSplit> {
  requireBytes(name, bytes);
  const base = baseOf(name);
  return naming(base, () => splitOf(name, base, bytes, options));
}

async function splitOf(name: string, base: string, bytes: Uint8Array, options: LoadFileOptions): Promise<DataSplit> {
  const plain = await gunzipIfNeeded(base, bytes);
  const whole = (train: Dataset): DataSplit => ({ train, test: null });
  switch (dataFormat(base, plain)) {
    case "safetensors":
      return fromArrays(base, safetensorsArrays(plain), options);
    case "npz":
      return fromArrays(base, await npzArrays(plain), options);
    case "npy":
      return whole(await fromNpy(name, base, plain, options));
    case "csv":
      return whole(readCsv(base, plain, options));
    case "parquet": {
      const { parquetTable } = await import("../parquet/table.ts");
      const { separator, decimal, thousands, missingValues, header } = options;
      const table = await parquetTable(base, plain, { separator, decimal, thousands, missingValues, header });
      return whole(tableDataset(base, table, options));
    }
    case "idx":
      return whole(await fromIdx(name, base, plain, options));
    case null:
      return unknownFormat(base, plain);
  }
}

/** New rows, and what was done to their numbers. */
export interface Inputs {
  /** [n, ...] */
  readonly x: NdArray;
  /** Whether the file holds them as bytes from 0 to 255, as images are. */
  readonly pixels: boolean;
  /** What they were divided by; null where they are as the file holds them. */
  readonly dividedBy: number | null;
}

/**
 * New rows, as numbers, from a file of any such format but a table: x [n, ...] of a .safetensors or .npz (x_test where it
 * has rows of both kinds), an .npy, the images of an IDX file. `pixelScale` is what those that a net learned from were
 * divided by: bytes are too, by 255 in an IDX file where it is null; numbers of other types are left as they are, as
 * they are where a net learns from them, unless it is a scale of the user's own.
 */
export async function loadInputs(
  name: string,
  bytes: Uint8Array,
  pixelScale: number | null,
  channelsLast = false,
): Promise<Inputs> {
  const base = baseOf(name);
  return naming(base, () => inputsOf(base, bytes, pixelScale, channelsLast));
}

async function inputsOf(
  base: string,
  bytes: Uint8Array,
  pixelScale: number | null,
  channelsLast: boolean,
): Promise<Inputs> {
  const plain = await gunzipIfNeeded(base, bytes);
  const format = dataFormat(base, plain);
  if (format === "idx") {
    const pixels = holdsPixels(base, plain);
    // 255 is taken by itself, and for bytes alone.
    const scale = pixels || pixelScale !== PIXEL_SCALE ? (pixelScale ?? undefined) : undefined;
    return { x: idxRows(base, plain, scale), pixels, dividedBy: scale ?? (pixels ? PIXEL_SCALE : null) };
  }
  const inputs = ({ names, read }: Arrays): readonly [string, Stored] => {
    const found = inputsName(base, names);
    return [found, read(found)];
  };
  const [what, { array, type }] =
    format === "npy"
      ? (["array", storedNpy(plain, base)] as const)
      : format === "npz"
        ? inputs(await npzArrays(plain))
        : format === "safetensors"
          ? inputs(safetensorsArrays(plain))
          : unknownFormat(base, plain);
  const x = channelsLast && array.shape.length > 2 ? channelsFirst(array) : array;
  // Bytes are pixels to a net that learned from some, in rows of whatever shape.
  const pixels = pixelScale === null ? isImages(type, x.shape.length) : type === "U8";
  if (x.shape.length < 2)
    throw new ChainruleError("data", `${base}, "${what}": needs shape [n, inputs], got ${shapeText(x.shape)}`);
  if (pixels && pixelScale !== null) return { x: scaledPixels(x, pixelScale), pixels, dividedBy: pixelScale };
  return { x, pixels, dividedBy: null };
}

/** Steps of each of those rows that count, where the file says so: its array "lengths". */
export async function loadInputLengths(name: string, bytes: Uint8Array): Promise<NdArray | undefined> {
  const base = baseOf(name);
  return naming(base, async () => {
    const plain = await gunzipIfNeeded(base, bytes);
    const format = dataFormat(base, plain);
    if (format !== "npz" && format !== "safetensors") return undefined;
    const { names, read } = format === "npz" ? await npzArrays(plain) : safetensorsArrays(plain);
    const found = lengthsName(names, inputsName(base, names));
    return found === undefined ? undefined : stepsOf(base, read(found).array);
  });
}

/** Names what a file of no known format is, where that can be told. */
function unknownFormat(base: string, bytes: Uint8Array): never {
  const known = foreignFile(bytes);
  const fail = (message: string): never => {
    throw new ChainruleError("usage", `${base}: ${message}`);
  };
  if (known !== null) fail(`no rows, but ${known[1]}`);
  const text = new TextDecoder().decode(bytes.subarray(0, HEAD));
  const way = /\n/.test(text) && !/[\0\ufffd]/.test(text) ? "; a table of text is told by its name: call it .csv" : "";
  return fail(`neither content nor name tells a data format; known are ${KNOWN_FORMATS}${way}`);
}

/** Bytes that tell whether a file is text. */
const HEAD = 1024;

async function fromIdx(path: string, base: string, bytes: Uint8Array, options: LoadFileOptions): Promise<Dataset> {
  const { name, value } = await readBeside(base, idxLabels(path), options.read);
  return pairIdx(bytes, await gunzipIfNeeded(name, value), {
    name: base,
    ...(options.scale === undefined ? {} : { scale: options.scale }),
    ...(options.source ? { source: options.source } : {}),
  });
}

async function fromNpy(path: string, base: string, bytes: Uint8Array, options: LoadFileOptions): Promise<Dataset> {
  const unnamed = "an .npy of rows needs an x alone in its name, as in x.npy";
  const names = yNames(path) ?? [];
  const { name, value } = await readBeside(base, { what: "its other half", names, unnamed }, options.read);
  return datasetOf(base, "x", storedNpy(bytes, base), readNpy(value, name), options);
}

/** An array, and the type of its elements in the file, as safetensors calls it. */
interface Stored {
  readonly array: NdArray;
  readonly type: string | undefined;
}

/** Arrays of a file, which are read when they are asked for: others may hold what is no array of numbers. */
interface Arrays {
  readonly names: readonly string[];
  readonly read: (name: string) => Stored;
}

function safetensorsArrays(bytes: Uint8Array): Arrays {
  const { tensors } = readSafetensors(bytes);
  const types = new Map(readHeader(bytes).entries.map(({ name, dtype }) => [name, dtype]));
  return {
    names: [...tensors.keys()],
    read: (name) => ({ array: tensors.get(name)!, type: types.get(name) }),
  };
}

function storedNpy(bytes: Uint8Array, name: string): Stored {
  return { array: readNpy(bytes, name), type: ELEMENT_OF.get(readNpyHeader(bytes, name).type) };
}

async function npzArrays(bytes: Uint8Array): Promise<Arrays> {
  const files = await npzFiles(bytes);
  return { names: [...files.keys()], read: (name) => storedNpy(files.get(name)!, `npz: "${name}.npy"`) };
}

function fromArrays(file: string, { names, read }: Arrays, options: LoadFileOptions): DataSplit {
  const roles = arrayRoles(file, names);
  let { bytes } = options;
  const set = ({ x, y, lengths }: Pair): Dataset =>
    datasetOf(file, x, read(x), read(y).array, {
      ...options,
      ...(bytes && { bytes }),
      ...(lengths ? { lengths: read(lengths).array } : {}),
    });
  const train = set(roles.train);
  // Bytes that are held out are what those are that a net learns from.
  if (!train.shape) bytes = train.pixelScale === undefined ? "numbers" : "pixels";
  const [validation, test] = [roles.validation, roles.test].map((pair) => pair && set(pair));
  for (const [i, part] of [validation, test].entries()) {
    if (!part || part.x.shape[1] === train.x.shape[1]) continue;
    const { x } = [roles.validation, roles.test][i]!;
    const widths = `${part.x.shape[1]} values, those of "${roles.train.x}" ${train.x.shape[1]}`;
    throw new ChainruleError("data", `${file}: rows of "${x}" have ${widths}`);
  }
  return { train, test: test ?? null, ...(validation ? { validation } : {}) };
}

function datasetOf(
  name: string,
  xName: string,
  { array, type }: Stored,
  y: NdArray,
  { channelsLast = false, bytes, lengths }: LoadFileOptions & { readonly lengths?: NdArray },
): Dataset {
  const turned = channelsLast && array.shape.length > 2;
  const x = turned ? channelsFirst(array) : array;
  const shape = x.shape.slice(1);
  const { pixels, image, said } = bytesTaken(type, x.shape, x.data.subarray(0, LOOKED_AT * sizeOf(shape)), bytes);
  return validateDataset({
    name,
    x: matrix(pixels ? scaledPixels(x, PIXEL_SCALE) : x, `${name}, "${xName}"`),
    y: targets(y),
    ...(lengths && { lengths: stepsOf(name, lengths) }),
    ...(shape.length > 1 ? { shape } : {}),
    ...(shape.length === 2 && !turned ? { image: { height: shape[0]!, width: shape[1]! } } : {}),
    ...(image ? { image } : {}),
    ...(said === undefined ? {} : { bytes: said }),
    ...(turned ? { channelsLast } : {}),
    ...(pixels ? { pixelScale: PIXEL_SCALE, preparation: `pixels divided by ${PIXEL_SCALE}` } : {}),
  });
}

/** Whole numbers [n], whatever type holds them, as i32. */
function stepsOf(name: string, { shape, data, dtype }: NdArray): NdArray {
  const row = data.findIndex((steps) => !(Number.isInteger(steps) && steps >= 0 && steps < 2 ** 31));
  if (row < 0) return cast({ shape, data, dtype }, "i32");
  throw new ChainruleError("data", `${name}, "lengths": row ${row} holds ${data[row]}, which is no number of steps`);
}

/** [n, ...] -> f32 or f64 [n, the rest]; f64 holds every whole number too. */
function matrix(a: NdArray, where: string): NdArray {
  const inputs = sizeOf(a.shape.slice(1));
  if (a.shape.length < 2)
    throw new ChainruleError("data", `${where}: needs shape [n, inputs], got ${shapeText(a.shape)}`);
  return reshape(a.dtype === "f32" ? a : cast(a, "f64"), [a.shape[0]!, inputs]);
}

/**
 * Integers from 0 [n] or [n, 1] -> i32 [n], which are classes to one loss and values to another; floats, integers of
 * several columns or places, negative ones and those that i32 cannot hold -> f32 [n, the rest]
 */
function targets(a: NdArray): NdArray {
  const n = a.shape[0] ?? 0;
  const outputs = sizeOf(a.shape.slice(1));
  const whole = a.dtype === "i32" || a.dtype === "u32";
  const labels = outputs === 1 && whole && a.data.every((v) => v >= 0 && v < 2 ** 31);
  return labels ? reshape(cast(a, "i32"), [n]) : reshape(cast(a, "f32"), [n, outputs]);
}
