import { type NdArray, sizeOf, zeros } from "../../core/ndarray.ts";
import type { BytesNotice } from "../../data/table-notice.ts";

/** What the bytes of images are divided by, whatever holds them. */
export const PIXEL_SCALE = 255;

/** Whether an array holds images in bytes: an axis of rows and at least two of pixels. */
export const isImages = (type: string | undefined, rank: number): boolean => type === "U8" && rank >= 3;

/** What bytes are to a net: pixels; or numbers as they are, such as tokens. Without it their shape and values tell. */
export type BytesAs = "pixels" | "numbers";

/** What the bytes of an array of rows are taken for. */
export interface BytesTaken {
  readonly pixels: boolean;
  /** Height and width of each row, where rows have none of their own and are as long as a square grey image. */
  readonly image?: { readonly height: number; readonly width: number };
  /** Of rows that do not say by their shape what they hold; absent where nothing is to be said. */
  readonly said?: BytesNotice;
}

/** Rows that are looked at, the side that images have at least, and what is no table's: half of the range that bytes have. */
export const LOOKED_AT = 1024;
const LEAST_SIDE = 8;
const BRIGHT = 128;

/**
 * Bytes [n, h, w, ...] are pixels. Flat rows of bytes [n, width] may be images too, or a table's, or bits: they are taken as pixels
 * where rows are as long as a square image, of one channel or three, and use the range of bytes; or where the net takes
 * images. `first` are the values of the first rows, at most LOOKED_AT of them.
 */
export function bytesTaken(
  type: string | undefined,
  shape: readonly number[],
  first: ArrayLike<number>,
  as?: BytesAs,
): BytesTaken {
  if (type !== "U8" || shape.length < 2 || as === "numbers") return { pixels: false };
  if (shape.length > 2) return { pixels: true };
  const width = shape[1]!;
  let most = 0;
  for (let i = 0; i < first.length; i++) most = Math.max(most, first[i]!);
  const [grey, colour] = [Math.sqrt(width), Math.sqrt(width / 3)];
  const side = [grey, colour].find((s) => Number.isInteger(s) && s >= LEAST_SIDE);
  if (as === "pixels" || (side !== undefined && most >= BRIGHT)) {
    const looks = as === "pixels" ? "" : `${side} x ${side}`;
    return {
      pixels: true,
      ...(side === grey ? { image: { height: side, width: side } } : {}),
      said: { kind: "pixels", column: "x", value: looks },
    };
  }
  return most < 2 ? { pixels: false } : { pixels: false, said: { kind: "bytes", column: "x", value: "" } };
}

/** The last axis moved behind the first: [n, height, width, channels] -> [n, channels, height, width]. */
export function channelsFirst(a: NdArray): NdArray {
  const [n, ...places] = a.shape.slice(0, -1) as [number, ...number[]];
  const channels = a.shape.at(-1)!;
  const each = sizeOf(places);
  const out = zeros([n, channels, ...places], a.dtype);
  for (let row = 0; row < n; row++) {
    const start = row * each * channels;
    for (let c = 0; c < channels; c++) {
      for (let p = 0; p < each; p++) out.data[start + c * each + p] = a.data[start + p * channels + c]!;
    }
  }
  return out;
}

/** Bytes from 0 to 255 as f32 from 0 to 1. */
export function scaledPixels(a: NdArray, scale: number): NdArray {
  const out = zeros(a.shape, "f32");
  for (let i = 0; i < out.data.length; i++) out.data[i] = a.data[i]! / scale;
  return out;
}
