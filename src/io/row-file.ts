import type { ByteSource } from "../core/byte-source.ts";
import { ChainruleError } from "../core/errors.ts";
import { shapeText, sizeOf } from "../core/ndarray.ts";
import { isGzip } from "../data/gunzip.ts";
import { idxHeader, MOST_IDX_HEADER } from "../data/idx.ts";
import type { RowSource } from "../train/row-source.ts";
import { ELEMENTS } from "./elements.ts";
import { type FixedRows, readRows } from "./fixed-rows.ts";
import { brief, readHeader, refuse, type TensorEntry } from "./safetensors-header.ts";

/** Most rows and values of a row that can be told apart: places and rows are sorted as one number. */
const MOST_ROWS = 2 ** 26;

/** What a file of rows and its name leave open. */
export interface RowFileOptions {
  /** Gives a file beside the named one: the labels of an IDX pair. */
  readonly open?: (file: string) => Promise<ByteSource>;
  /** What the pixels of an IDX file are divided by; 255 unless told otherwise. */
  readonly scale?: number;
}

/** Whether a file of that name has rows of one size, which can be read by number. */
export function hasFixedRows(name: string): boolean {
  return name.endsWith(".safetensors") || (name.includes("images-idx3") && !name.endsWith(".gz"));
}

/**
 * The rows of a file too large for memory, read by number: `.safetensors` with tensors "x" and "y", or an IDX pair, as
 * loadDataFile reads them and with the same values: x f32 [n, inputs], pixels divided by `scale`; y f32 [n, outputs], or
 * class indices i32 [n]. Only headers are read now, and must account for the file's size. The source stays the caller's,
 * who closes it when the last row has been read.
 * Throws ChainruleError "data" or "file" naming what is wrong, "usage" for a format whose rows have no fixed size.
 */
export async function openRowFile(source: ByteSource, options: RowFileOptions = {}): Promise<RowSource> {
  const { name } = source;
  if (isGzip(await source.read(0, Math.min(2, source.size)))) {
    throw new ChainruleError("usage", `${name}: a compressed file cannot be read by rows; decompress it first`);
  }
  if (name.endsWith(".safetensors")) return fromSafetensors(source);
  if (name.includes("images-idx3")) return fromIdx(source, options);
  const known = ".safetensors, or images-idx3 in the name of an IDX file";
  throw new ChainruleError("usage", `${name}: rows are read one by one from ${known}; a CSV file's have no fixed size`);
}

function rowSource(name: string, x: FixedRows, y: FixedRows, labels: boolean): RowSource {
  if (x.rows !== y.rows) throw new ChainruleError("data", `${name}: x has ${x.rows} rows and y has ${y.rows}`);
  if (x.rows < 1 || x.width < 1) throw new ChainruleError("data", `${name}: x is empty`);
  if (x.rows > MOST_ROWS) {
    throw new ChainruleError("data", `${name}: ${x.rows} rows, more than the ${MOST_ROWS} that are accepted`);
  }
  return {
    x: { shape: [x.rows, x.width], dtype: "f32" },
    y: labels ? { shape: [y.rows], dtype: "i32" } : { shape: [y.rows, y.width], dtype: "f32" },
    async read(index) {
      const [rows, targets] = await Promise.all([readRows(x, index), readRows(y, index)]);
      return { x: rows, y: labels ? { ...targets, shape: [index.length] } : targets };
    },
  };
}

async function fromIdx(source: ByteSource, { open, scale = 255 }: RowFileOptions): Promise<RowSource> {
  const { name } = source;
  const wanted = name.replace(/images-idx3(?!.*images-idx3)/s, "labels-idx1");
  if (!open) throw new ChainruleError("usage", `${name}: its labels, ${wanted}, are needed beside it`);
  const beside = await open(wanted).catch((cause: unknown) => {
    throw new ChainruleError("file", `${name}: its labels, ${wanted}, could not be read`, { cause });
  });
  const array = async (from: ByteSource, ranks: readonly number[]): Promise<Omit<FixedRows, "dtype">> => {
    const head = await from.read(0, Math.min(MOST_IDX_HEADER, from.size));
    const { shape, start, element } = idxHeader(from.name, head, from.size);
    if (!ranks.includes(shape.length)) {
      throw new ChainruleError(
        "data",
        `${from.name}: ${shapeText(shape)} has ${shape.length} dimensions, not ${ranks}`,
      );
    }
    const [rows, ...rest] = shape as [number, ...number[]];
    return { source: from, offset: start, rows, width: sizeOf(rest), bytes: element.bytes, read: element.read };
  };
  const images = await array(source, [2, 3]);
  const labels = await array(beside, [1]);
  const pixel = (view: DataView, at: number): number => images.read(view, at) / scale;
  return rowSource(name, { ...images, read: pixel, dtype: "f32" }, { ...labels, dtype: "i32" }, true);
}

async function fromSafetensors(source: ByteSource): Promise<RowSource> {
  const { name } = source;
  const length = new DataView((await source.read(0, Math.min(8, source.size))).slice().buffer);
  if (length.byteLength < 8) refuse(`the file has ${length.byteLength} bytes, too few for the header's length`);
  const head = await source.read(0, Math.min(source.size, 8 + MOST_HEADER, 8 + Number(length.getBigUint64(0, true))));
  const { entries, dataStart } = readHeader(head, source.size);
  const find = (tensor: string): TensorEntry => {
    const found = entries.find((entry) => entry.name === tensor);
    if (found) return found;
    throw new ChainruleError(
      "data",
      `${name}: needs tensors "x" and "y", has ${entries.map((e) => e.name).join(", ")}`,
    );
  };
  const array = (entry: TensorEntry): Omit<FixedRows, "dtype"> => {
    const { bytes, dtype, read: readElement } = ELEMENTS.get(entry.dtype)!;
    const read = (view: DataView, at: number): number => readElement(view, at, true);
    const fits = (row: number): never =>
      refuse(`tensor ${brief(entry.name)}: a value of row ${row} does not fit ${dtype}`);
    const [rows = 1, ...rest] = entry.shape;
    const from = { source, offset: dataStart + entry.begin, rows, width: sizeOf(rest), bytes, read };
    return dtype === "i32" || dtype === "u32" ? { ...from, onNaN: fits } : from;
  };
  const [x, y] = [find("x"), find("y")];
  if (x.shape.length < 2)
    throw new ChainruleError("data", `${name}, "x": needs shape [n, inputs], got ${shapeText(x.shape)}`);
  const targets = array(y);
  const labels = targets.onNaN !== undefined && targets.width === 1;
  if (y.shape.length > 2) {
    throw new ChainruleError("data", `${name}, "y": targets need shape [n, outputs], got ${shapeText(y.shape)}`);
  }
  return rowSource(name, { ...array(x), dtype: "f32" }, { ...targets, dtype: labels ? "i32" : "f32" }, labels);
}

/** A data set has a few tensors, so its header is small. */
const MOST_HEADER = 2 ** 20;
