import { type NdArray, sizeOf, zeros } from "../../core/ndarray.ts";

/** What the bytes of images are divided by, whatever holds them. */
export const PIXEL_SCALE = 255;

/** Whether an array holds images in bytes: an axis of rows and at least two of pixels. */
export const isImages = (type: string | undefined, rank: number): boolean => type === "U8" && rank >= 3;

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
