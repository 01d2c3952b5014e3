import { ChainruleError } from "../../core/errors.ts";
import { brief } from "../../core/format.ts";
import { ndarray } from "../../core/ndarray.ts";
import { type Dataset, validateDataset } from "../../data/dataset.ts";
import { imageSize } from "../../data/image-size.ts";
import { keepSplit } from "./own-data.ts";
import type { FolderImages, ImagesNews, OwnInfo } from "./types.ts";

/** What is looked at of a file before it is decoded: large pictures of a camera have some hundred KB of other things. */
const HEAD_BYTES = 2 ** 19;
/** A file, and the pixels that it decodes to, at most: 2^25 take 128 MiB. */
const MOST_BYTES = 2 ** 25;
const MOST_PIXELS = 2 ** 25;
/** Values of all images together: 256 MiB as f32. */
const MOST_VALUES = 2 ** 26;
/** Files that are decoded at once. */
const AT_ONCE = 4;
/** What grey weighs of red, green and blue (ITU-R BT.601), as image libraries have it. */
const GREY = [0.299, 0.587, 0.114] as const;

let abort: AbortController | null = null;

export function cancelImages(): void {
  abort?.abort();
}

/**
 * Decodes images in their own sizes to grey squares of one, cut from the middle, and keeps them as the data set "own",
 * where nothing was cancelled or refused: the data that was there stays until then. The folder of an image is its class.
 */
export async function takeImages(given: FolderImages, listener: (news: ImagesNews) => void): Promise<OwnInfo> {
  const { name, files, side, unreadable } = given;
  const classes = [...new Set(files.map((f) => f.label))].sort();
  if (classes.length < 2) {
    throw new ChainruleError("data", `${name}: ${classes.length} folder of images; each class needs one of its own`);
  }
  if (files.length * side ** 2 > MOST_VALUES) {
    const most = Math.floor(MOST_VALUES / side ** 2);
    throw new ChainruleError(
      "limit",
      `${name}: ${files.length} images, more than the ${most} of ${side} x ${side} that fit`,
    );
  }
  const controller = new AbortController();
  abort = controller;
  const pixels = new Float32Array(files.length * side ** 2);
  const labels = new Int32Array(files.length);
  let kept = 0;
  let left = 0;
  for (let at = 0; at < files.length; at += AT_ONCE) {
    const group = files.slice(at, at + AT_ONCE);
    const decoded = await Promise.all(group.map((f) => decode(f.file, side).catch((error: unknown) => error)));
    if (controller.signal.aborted) throw new ChainruleError("aborted", `${name}: stopped, nothing was changed`);
    group.forEach(({ path, label }, i) => {
      const image = decoded[i];
      if (!(image instanceof Float32Array)) {
        if (unreadable === "refuse") throw unlike(path, image);
        left++;
        return;
      }
      pixels.set(image, kept * side ** 2);
      labels[kept++] = classes.indexOf(label);
    });
    listener({ done: Math.min(files.length, at + AT_ONCE), of: files.length, left });
  }
  const data: Dataset = validateDataset({
    name,
    x: ndarray([kept, side ** 2], "f32", pixels.subarray(0, kept * side ** 2)),
    y: ndarray([kept], "i32", labels.subarray(0, kept)),
    classes,
    image: { height: side, width: side },
    pixelScale: 255,
    ...(left > 0 ? { preparation: `${left} of ${files.length} images left out` } : {}),
  });
  return keepSplit(data);
}

function unlike(path: string, cause: unknown): ChainruleError {
  const why = cause instanceof ChainruleError ? cause.message : "not an image that this browser can read";
  return new ChainruleError("data", `${brief(path)}: ${why}`, { cause });
}

/** Grey values in [0, 1], side * side, row by row. */
async function decode(file: Blob, side: number): Promise<Float32Array> {
  if (file.size > MOST_BYTES) throw new ChainruleError("limit", `${file.size} bytes, more than ${MOST_BYTES}`);
  const size = imageSize(new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer()));
  if (!size) throw new ChainruleError("data", "not a PNG, JPEG, GIF, WebP or BMP");
  if (size.width * size.height > MOST_PIXELS) {
    throw new ChainruleError("limit", `${size.width} x ${size.height} pixels, more than ${MOST_PIXELS}`);
  }
  const bitmap = await createImageBitmap(file);
  try {
    const canvas = new OffscreenCanvas(side, side);
    const context = canvas.getContext("2d", { willReadFrequently: true })!;
    context.imageSmoothingQuality = "high";
    const square = Math.min(bitmap.width, bitmap.height);
    const [left, top] = [(bitmap.width - square) / 2, (bitmap.height - square) / 2];
    context.drawImage(bitmap, left, top, square, square, 0, 0, side, side);
    const { data } = context.getImageData(0, 0, side, side);
    return Float32Array.from({ length: side ** 2 }, (_, i) => {
      const [r, g, b, alpha] = data.subarray(4 * i, 4 * i + 4) as unknown as readonly number[];
      // What is transparent is black, as in a set of digits.
      return ((GREY[0] * r! + GREY[1] * g! + GREY[2] * b!) / 255) * (alpha! / 255);
    });
  } finally {
    bitmap.close();
  }
}
