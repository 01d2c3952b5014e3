import { ChainruleError } from "../../../core/errors.ts";
import { type NdArray, type Shape, shapeText, sizeOf, zeros } from "../../../core/ndarray.ts";
import { type DecodedImage, refuseImage } from "./image.ts";
import { resized } from "./resize.ts";

/** How images become rows. */
export interface ImageReading {
  /** What they are called together. */
  readonly name: string;
  /** Bytes of a file by its path. */
  readonly read: (path: string) => Promise<Uint8Array>;
  /** Height and width that all are brought to; absent: all must be alike. */
  readonly size?: readonly [height: number, width: number];
  /** Shape of the rows that the net takes; where it is [channels, height, width], images have its channels. */
  readonly input: Shape;
  /** Shape of the rows that these go with; absent for the first. */
  readonly shape?: Shape;
  /** Called now and then with how many of them are read. */
  readonly onProgress?: (done: number, all: number) => void;
}

/** Values that all images together may have: 2 GiB. */
const MOST_VALUES = 2 ** 29;

/** Decodes a PNG or a JPEG, told by its content. Throws ChainruleError "data" naming the file. */
export async function decodeImage(name: string, bytes: Uint8Array): Promise<DecodedImage> {
  if (bytes[0] === 0x89 && bytes[1] === 0x50) return (await import("./png.ts")).decodePng(name, bytes);
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return (await import("./jpeg.ts")).decodeJpeg(name, bytes);
  return refuseImage(name, bytes.length === 0 ? "an empty file" : "neither a PNG nor a JPEG, whatever its name says");
}

/** Images by their paths as rows f32 [n, channels * height * width], channels first, from 0 to 1. */
export async function readImages(
  paths: readonly string[],
  { name, read, size, input, shape: given, onProgress }: ImageReading,
): Promise<{ readonly x: NdArray; readonly shape: Shape; readonly height: number; readonly width: number }> {
  let x: NdArray | null = null;
  let shape: Shape | null = given ?? null;
  for (const [i, path] of paths.entries()) {
    const decoded = await decodeImage(path, await read(path));
    const image = size ? resized(decoded, size[1], size[0]) : decoded;
    shape ??= [channelsFor(image, input), image.height, image.width];
    if (image.height !== shape[1] || image.width !== shape[2]) {
      const first = given ? "those that are trained on" : paths[0];
      const odd = `${image.width} x ${image.height} pixels, ${first} ${shape[2]} x ${shape[1]}`;
      throw new ChainruleError(
        "data",
        `${name}: ${path} has ${odd}; --image-size ${side(input, shape)} makes all alike`,
      );
    }
    x ??= room(name, paths.length, shape);
    lay(image, shape[0]!, x.data as Float32Array, i * sizeOf(shape));
    onProgress?.(i + 1, paths.length);
  }
  return { x: x!, shape: shape!, height: shape![1]!, width: shape![2]! };
}

/** The size to advise: the net's own, where it has one. */
function side(input: Shape, shape: Shape): string {
  const [, height, width] = input.length === 3 ? input : shape;
  return height === width ? `${height}` : `${height}x${width}`;
}

/** Channels that a net of such input wants of images like this one. */
function channelsFor({ channels, height, width }: DecodedImage, input: Shape): number {
  if (input.length === 3 && (input[0] === 1 || input[0] === 3)) return input[0];
  const flat = sizeOf(input) / (height * width);
  return flat === 1 || flat === 3 ? flat : channels;
}

function room(name: string, n: number, shape: Shape): NdArray {
  const values = n * sizeOf(shape);
  if (values > MOST_VALUES) {
    const got = `${n} images of ${shapeText(shape)} are ${Math.ceil((values * 4) / 2 ** 30)} GiB`;
    throw new ChainruleError(
      "data",
      `${name}: ${got}, more than the 2 that are read: a smaller --image-size takes less`,
    );
  }
  return zeros([n, sizeOf(shape)], "f32");
}

/** Writes an image, channels first; grey as three equal channels, or colour as its luma (ITU-R BT.601). */
function lay({ width, height, channels, data }: DecodedImage, wanted: number, out: Float32Array, at: number): void {
  const each = width * height;
  for (let p = 0; p < each; p++) {
    if (channels === wanted) for (let k = 0; k < channels; k++) out[at + k * each + p] = data[p * channels + k]!;
    else if (wanted === 3) for (let k = 0; k < 3; k++) out[at + k * each + p] = data[p]!;
    else out[at + p] = 0.299 * data[3 * p]! + 0.587 * data[3 * p + 1]! + 0.114 * data[3 * p + 2]!;
  }
}
