import { type DecodedImage, refuseImage, requireSides } from "./image.ts";
import { jpegHeader } from "./jpeg-header.ts";

/** Pixels that a byte holds at most: a block of 64 takes a bit or more of its brightness, whatever else it lacks. */
const MOST_PER_BYTE = 1024;

/**
 * Decodes a JPEG, baseline or progressive, grey or colour, and turns it as its Exif data says. Throws ChainruleError "data"
 * naming the file.
 */
export async function decodeJpeg(name: string, bytes: Uint8Array): Promise<DecodedImage> {
  const { width, height, components, orientation } = jpegHeader(name, bytes);
  requireSides(name, width, height);
  if (width * height > MOST_PER_BYTE * bytes.length) {
    refuseImage(name, `its ${bytes.length} bytes cannot hold ${width} x ${height} pixels`);
  }
  const { default: decode } = await import("jpeg-js/lib/decoder.js");
  const limits = { maxResolutionInMP: 100, maxMemoryUsageInMB: 2048 };
  let decoded: { readonly width: number; readonly height: number; readonly data: Uint8Array };
  try {
    decoded = decode(bytes, { useTArray: true, formatAsRGBA: false, tolerantDecoding: false, ...limits });
  } catch (cause) {
    return refuseImage(name, `its JPEG data is damaged (${cause instanceof Error ? cause.message : cause})`, cause);
  }
  if (decoded.width !== width || decoded.height !== height) refuseImage(name, "its JPEG data is of another size");
  const channels = components === 1 ? 1 : 3;
  const data = new Float32Array(width * height * channels);
  // Grey comes as three equal samples.
  for (let i = 0; i < data.length; i++) data[i] = decoded.data[channels === 1 ? 3 * i : i]! / 255;
  return turned({ width, height, channels, data }, orientation);
}

/** As Exif's orientation has it: 2 to 4 are flips and half a turn, 5 to 8 have rows for columns. */
export function turned(image: DecodedImage, orientation: number): DecodedImage {
  if (orientation === 1) return image;
  const { width, height, channels, data } = image;
  const swapped = orientation >= 5;
  const across = [2, 3, 7, 8].includes(orientation);
  const down = [3, 4, 6, 7].includes(orientation);
  const [w, h] = swapped ? [height, width] : [width, height];
  const out = new Float32Array(data.length);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      const [a, b] = swapped ? [y, x] : [x, y];
      const from = (down ? height - 1 - b : b) * width + (across ? width - 1 - a : a);
      for (let k = 0; k < channels; k++) out[(y * w + x) * channels + k] = data[from * channels + k]!;
    }
  }
  return { width: w, height: h, channels, data: out };
}
