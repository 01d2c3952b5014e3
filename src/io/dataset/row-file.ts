import type { ByteSource } from "../../core/byte-source.ts";
import { ChainruleError } from "../../core/errors.ts";
import { shapeText, sizeOf } from "../../core/ndarray.ts";
import { isGzip } from "../../data/gunzip.ts";
import { idxHeader, idxScale, MOST_IDX_HEADER } from "../../data/idx.ts";
import type { BytesNotice } from "../../data/table-notice.ts";
import type { RowSource } from "../../train/data/row-source.ts";
import { BEYOND_F64, ELEMENTS, holds } from "../elements.ts";
import { brief, readHeader, refuse, type TensorEntry } from "../safetensors/header.ts";
import { arrayRoles } from "./array-roles.ts";
import { type FixedRows, readRows } from "./fixed-rows.ts";
import { dataFormat } from "./format.ts";
import { type BytesAs, bytesTaken, LOOKED_AT, PIXEL_SCALE } from "./image-arrays.ts";
import { idxLabels, readBeside } from "./label-file.ts";

/** Most rows and values of a row that can be told apart: places and rows are sorted as one number. */
const MOST_ROWS = 2 ** 26;

/** Bytes that tell a format. */
export const HEAD_BYTES = 8;

/** What a file of rows and its name leave open. */
export interface RowFileOptions {
  /** Gives a file beside the named one: the labels of an IDX pair. */
  readonly open?: (file: string) => Promise<ByteSource>;
  /** What the values of an IDX file are divided by; without it bytes by 255, and nothing else. */
  readonly scale?: number;
  /** What bytes in a tensor are, see LoadFileOptions. */
  readonly bytes?: BytesAs;
}

/** Rows of a file, by number. */
export interface RowFile extends RowSource {
  /** What their pixels are divided by; null where they are taken as they are. */
  readonly pixelScale: number | null;
  /** What bytes were taken for, see Dataset. */
  readonly bytes?: BytesNotice;
}

/** Which format of rows of one size, which can be read by number, a file is; null for none. `head` is its first bytes. */
export function rowFormat(name: string, head: Uint8Array): "safetensors" | "idx" | null {
  const format = isGzip(head) ? null : dataFormat(name, head);
  return format === "safetensors" || format === "idx" ? format : null;
}

/**
 * The rows of a file too large for memory, read by number: `.safetensors` with tensors "x" and "y", or an IDX pair, as
 * loadDataFile reads them and with the same values: x f32 [n, inputs], pixels divided by `scale`; y f32 [n, outputs], or
 * class indices i32 [n]. Only headers are read now, and must account for the file's size. The source stays the caller's,
 * who closes it when the last row has been read.
 * Throws ChainruleError "data" or "file" naming what is wrong, "usage" for a format whose rows have no fixed size.
 */
export async function openRowFile(source: ByteSource, options: RowFileOptions = {}): Promise<RowFile> {
  const { name } = source;
  const head = await source.read(0, Math.min(HEAD_BYTES, source.size));
  if (isGzip(head)) {
    throw new ChainruleError("usage", `${name}: a compressed file cannot be read by rows; decompress it first`);
  }
  const format = rowFormat(name, head);
  if (format === "safetensors") return fromSafetensors(source, options.bytes);
  if (format === "idx") return fromIdx(source, options);
  const known = ".safetensors and IDX files";
  throw new ChainruleError(
    "usage",
    `${name}: rows are read one by one from ${known}; those of others have no fixed size`,
  );
}

function rowSource(name: string, x: FixedRows, y: FixedRows, labels: boolean, pixelScale: number | null): RowFile {
  if (x.rows !== y.rows) throw new ChainruleError("data", `${name}: x has ${x.rows} rows and y has ${y.rows}`);
  if (x.rows < 1 || x.width < 1) throw new ChainruleError("data", `${name}: x is empty`);
  if (x.rows > MOST_ROWS) {
    throw new ChainruleError("data", `${name}: ${x.rows} rows, more than the ${MOST_ROWS} that are accepted`);
  }
  return {
    pixelScale,
    x: { shape: [x.rows, ...x.shape], dtype: "f32" },
    y: labels ? { shape: [y.rows], dtype: "i32" } : { shape: [y.rows, y.width], dtype: "f32" },
    async read(index) {
      const [rows, targets] = await Promise.all([readRows(x, index), readRows(y, index)]);
      return { x: rows, y: labels ? { ...targets, shape: [index.length] } : targets };
    },
  };
}

async function fromIdx(source: ByteSource, { open, scale: given }: RowFileOptions): Promise<RowFile> {
  const { name } = source;
  const { value: beside } = await readBeside(name, idxLabels(name), open);
  const array = async (from: ByteSource, ranks: readonly number[]) => {
    const head = await from.read(0, Math.min(MOST_IDX_HEADER, from.size));
    const { shape, start, element } = idxHeader(from.name, head, from.size);
    if (!ranks.includes(shape.length)) {
      throw new ChainruleError(
        "data",
        `${from.name}: ${shapeText(shape)} has ${shape.length} dimensions, not ${ranks}`,
      );
    }
    const [rows, ...rest] = shape as [number, ...number[]];
    return {
      ...{ source: from, offset: start, rows, shape: rest, width: sizeOf(rest) },
      ...{ bytes: element.bytes, read: element.read, element },
    };
  };
  const images = await array(source, [2, 3, 4]);
  const targets = await array(beside, [1, 2]);
  const scale = idxScale(images.element, given);
  const read = (view: DataView, at: number): number => images.read(view, at) / (scale ?? 1);
  const labels = targets.element.dtype === "i32" && targets.width === 1;
  const y = { ...targets, dtype: labels ? "i32" : "f32" } as const;
  return rowSource(name, { ...images, read, dtype: "f32" }, y, labels, scale ?? null);
}

async function fromSafetensors(source: ByteSource, as?: BytesAs): Promise<RowFile> {
  const { name } = source;
  const length = new DataView((await source.read(0, Math.min(8, source.size))).slice().buffer);
  if (length.byteLength < 8) refuse(`the file has ${length.byteLength} bytes, too few for the header's length`);
  const head = await source.read(0, Math.min(source.size, 8 + MOST_HEADER, 8 + Number(length.getBigUint64(0, true))));
  const { entries, dataStart } = readHeader(head, source.size);
  const roles = arrayRoles(
    name,
    entries.map((entry) => entry.name),
  );
  const held = roles.test ?? roles.validation;
  if (held) {
    throw new ChainruleError("usage", `${name}: holds rows out itself, "${held.x}", which are not read one by one`);
  }
  if (roles.train.lengths !== undefined) {
    throw new ChainruleError(
      "usage",
      `${name}: has lengths, which rows that are read by number cannot have: do not stream it`,
    );
  }
  const [x, y] = [roles.train.x, roles.train.y].map((n) => entries.find((entry) => entry.name === n)!);
  const integers = ELEMENTS.get(y!.dtype)!.dtype === "i32" || ELEMENTS.get(y!.dtype)!.dtype === "u32";
  const array = (entry: TensorEntry, dtype: "f32" | "i32"): FixedRows => {
    const { bytes, read: readElement } = ELEMENTS.get(entry.dtype)!;
    const read = (view: DataView, at: number): number => {
      const value = readElement(view, at, true);
      return dtype === "f32" || holds(dtype, value) ? value : Number.NaN;
    };
    const [rows = 1, ...rest] = entry.shape;
    const at = dataStart + entry.begin;
    const from = { source, offset: at, rows, shape: rest, width: sizeOf(rest), bytes, read, dtype };
    const why = dtype === "i32" ? "is no class" : BEYOND_F64;
    const onNaN = (row: number): never =>
      refuse(`tensor ${brief(entry.name)}: a value of row ${row}, ${entry.dtype}, ${why}`);
    return entry.dtype.includes("F") ? from : { ...from, onNaN };
  };
  if (x!.shape.length < 2)
    throw new ChainruleError("data", `${name}, "${x!.name}": needs shape [n, inputs], got ${shapeText(x!.shape)}`);
  const labels = integers && sizeOf(y!.shape.slice(1)) === 1;
  const inputs = array(x!, "f32");
  const pixel = (view: DataView, at: number): number => inputs.read(view, at) / PIXEL_SCALE;
  const first = x!.dtype === "U8" && x!.shape.length === 2 ? await firstBytes(inputs) : [];
  const { pixels, said } = bytesTaken(x!.dtype, x!.shape, first, as);
  const values = pixels ? { ...inputs, read: pixel } : inputs;
  const rows = rowSource(name, values, array(y!, labels ? "i32" : "f32"), labels, pixels ? PIXEL_SCALE : null);
  return said === undefined ? rows : { ...rows, bytes: said };
}

const firstBytes = ({ source, offset, rows, width }: FixedRows): Promise<Uint8Array> =>
  source.read(offset, Math.min(rows, LOOKED_AT) * width);

/** A data set has a few tensors, so its header is small. */
const MOST_HEADER = 2 ** 20;
