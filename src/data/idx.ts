import { ChainruleError } from "../core/errors.ts";
import { cast, type DType, type NdArray, reshape, shapeText, sizeOf, zeros } from "../core/ndarray.ts";
import { type Dataset, validateDataset } from "./dataset.ts";

/**
 * IDX, the format of MNIST: two zero bytes, an element type, a rank, big-endian u32 dimensions, big-endian values in
 * row-major order. Y. LeCun, C. Cortes and C. Burges, "The MNIST database of handwritten digits".
 */
interface Element {
  readonly bytes: number;
  readonly dtype: DType;
  readonly read: (view: DataView, at: number) => number;
  /** Bytes from 0 to 255, which are taken as pixels: numbers of any other type stay as they are. */
  readonly pixels?: true;
}

/** What pixels are divided by, unless told otherwise. */
const PIXEL_SCALE = 255;

const ELEMENTS: ReadonlyMap<number, Element> = new Map<number, Element>([
  [0x08, { bytes: 1, dtype: "i32", read: (view, at) => view.getUint8(at), pixels: true }],
  [0x09, { bytes: 1, dtype: "i32", read: (view, at) => view.getInt8(at) }],
  [0x0b, { bytes: 2, dtype: "i32", read: (view, at) => view.getInt16(at) }],
  [0x0c, { bytes: 4, dtype: "i32", read: (view, at) => view.getInt32(at) }],
  [0x0d, { bytes: 4, dtype: "f32", read: (view, at) => view.getFloat32(at) }],
  [0x0e, { bytes: 8, dtype: "f64", read: (view, at) => view.getFloat64(at) }],
]);

const MOST_AXES = 8;

/** Bytes that a header takes at most. */
export const MOST_IDX_HEADER = 4 + 4 * MOST_AXES;

/** Whether bytes begin as an uncompressed IDX file does, and no other format of rows: two zeros, a type, a rank. */
export function looksLikeIdx(bytes: Uint8Array): boolean {
  const [first, second, code, rank] = bytes;
  return first === 0 && second === 0 && ELEMENTS.has(code!) && rank! >= 1 && rank! <= MOST_AXES;
}

/**
 * Reads the header of an uncompressed IDX file of `size` bytes, of which `bytes` are the first. The sizes in it must
 * account for the file to the byte. Throws ChainruleError "data" that names the file and what is wrong.
 */
export function idxHeader(name: string, bytes: Uint8Array, size = bytes.length) {
  const fail = (message: string): never => {
    throw new ChainruleError("data", `${name}: ${message}`);
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4 || view.getUint16(0) !== 0) fail("not an IDX file: it does not begin with two zero bytes");
  const code = view.getUint8(2);
  const element: Element =
    ELEMENTS.get(code) ?? fail(`IDX element type 0x${code.toString(16).padStart(2, "0")} does not exist`);
  const rank = view.getUint8(3);
  if (rank < 1 || rank > MOST_AXES) fail(`an IDX array has 1 to ${MOST_AXES} dimensions here, this one ${rank}`);
  const start = 4 + 4 * rank;
  if (bytes.length < start) fail(`cut short: the header needs ${start} bytes, the file has ${size}`);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  // Eight u32 multiply to at most 2^256: inexact in f64, yet never mistaken for the size of a file.
  const values = shape.reduce((product, d) => product * d, 1);
  const expected = start + values * element.bytes;
  if (size < expected) fail(`cut short: ${shapeText(shape)} needs ${expected} bytes, the file has ${size}`);
  if (size > expected) fail(`${size - expected} bytes follow the ${values} values of ${shapeText(shape)}`);
  return { shape, start, element };
}

/**
 * Reads an uncompressed IDX file. Integers come as i32, floats as they are; `scale` divides every value and makes f32.
 * Nothing is allocated before the header is checked. Throws ChainruleError "data", see idxHeader.
 */
export function readIdx(name: string, bytes: Uint8Array, scale?: number): NdArray {
  const { shape, start, element } = idxHeader(name, bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const out = zeros(shape, scale === undefined ? element.dtype : "f32");
  for (let i = 0; i < out.data.length; i++) {
    const value = element.read(view, start + i * element.bytes);
    out.data[i] = scale === undefined ? value : value / scale;
  }
  return out;
}

export interface IdxPairOptions {
  /** Name of the data set. */
  readonly name: string;
  /** Every value is divided by this; without it bytes by 255, which brings them to [0, 1], and nothing else. */
  readonly scale?: number;
  readonly classes?: readonly string[];
  readonly source?: string;
}

/** What the values of an array are divided by: `given`, or of bytes 255. */
export const idxScale = (element: Element, given?: number): number | undefined =>
  given ?? (element.pixels ? PIXEL_SCALE : undefined);

/** Whether an uncompressed IDX file holds bytes, which are taken as pixels. */
export const holdsPixels = (name: string, bytes: Uint8Array): boolean => idxHeader(name, bytes).element.pixels === true;

/** Rows to learn from or to predict, [n, ...]: bytes divided by `scale`, or by 255, as f32; numbers of other types as they are. */
export function idxRows(name: string, bytes: Uint8Array, scale?: number): NdArray {
  const x = readIdx(name, bytes, idxScale(idxHeader(name, bytes).element, scale));
  return x.dtype === "i32" ? cast(x, "f64") : x;
}

/**
 * A data set from two uncompressed IDX files: images [n, height, width] (or [n, channels, height, width], or [n, inputs])
 * and labels, integers [n], or values to predict, [n] or [n, outputs].
 * Throws ChainruleError "data" when either is malformed or their rows do not match.
 */
export function pairIdx(images: Uint8Array, labels: Uint8Array, options: IdxPairOptions): Dataset {
  const { name, classes, source } = options;
  const scale = idxScale(idxHeader(`${name} images`, images).element, options.scale);
  const x = idxRows(`${name} images`, images, options.scale);
  const y = readIdx(`${name} labels`, labels);
  if (x.shape.length < 2 || x.shape.length > 4) {
    const wanted = "[n, height, width], [n, channels, height, width] or [n, inputs]";
    const swapped = y.shape.length > 1 ? "; images and labels seem to be swapped" : "";
    throw new ChainruleError("data", `${name} images: expected ${wanted}, got ${shapeText(x.shape)}${swapped}`);
  }
  if (y.shape.length > 2) {
    const wanted = "integers [n], or values [n] or [n, outputs]";
    throw new ChainruleError("data", `${name} labels: expected ${wanted}, got ${y.dtype} ${shapeText(y.shape)}`);
  }
  const [n, ...shape] = x.shape as [number, ...number[]];
  const [height, width] = shape as [number, number];
  return validateDataset({
    name,
    x: reshape(x, [n, sizeOf(shape)]),
    y: idxTargets(y),
    ...(scale === undefined ? {} : { pixelScale: scale, preparation: `pixels divided by ${scale}` }),
    ...(shape.length === 1 ? {} : { shape: shape.length === 2 ? [1, ...shape] : shape }),
    ...(shape.length === 2 ? { image: { height, width } } : {}),
    ...(classes ? { classes } : {}),
    ...(source ? { source } : {}),
  });
}

/** Integers from 0, [n] or [n, 1], as labels i32 [n]; all others as values f32 [n, outputs]. */
function idxTargets(y: NdArray): NdArray {
  const [n = 0, outputs = 1] = y.shape;
  const labels = y.dtype === "i32" && outputs === 1 && y.data.every((label) => label >= 0);
  return labels ? reshape(y, [n]) : reshape(cast(y, "f32"), [n, outputs]);
}
