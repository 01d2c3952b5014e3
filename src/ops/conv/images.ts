import { ChainruleError } from "../../core/errors.ts";
import type { Binding, DeviceCaps } from "../../graph/op.ts";
import type { ConvDims } from "./geometry.ts";

/** A stretch of whole images: where its binding begins, how long that is, and elements in it before the first image. */
export interface ImageWindow {
  readonly offset: number;
  readonly size: number;
  readonly rest: number;
}

/** Images that one launch looks at. */
export interface ImageChunk {
  readonly first: number;
  readonly count: number;
  readonly x: ImageWindow;
  readonly y: ImageWindow;
  /** The one chunk of a convolution that needs no cutting. */
  readonly whole: boolean;
}

/**
 * Cuts a batch of n images, of so many elements in x and in y, so that no part of either exceeds what the device binds at
 * once. Throws ChainruleError "limit" where one image does.
 */
export function imageChunks(
  op: { readonly name: string },
  n: number,
  { x, y }: { readonly x: number; readonly y: number },
  caps: DeviceCaps,
): readonly ImageChunk[] {
  const align = caps.minStorageBufferOffsetAlignment / 4;
  const limit = Math.floor(caps.maxStorageBufferBindingSize / 4);
  const larger = Math.max(x, y);
  const fits = n * larger <= limit;
  // A window begins at an aligned element, up to so many before the first that is used.
  const most = fits ? n : Math.floor((limit - align + 1) / larger);
  if (most < 1) {
    const limits = `maxStorageBufferBindingSize, ${caps.maxStorageBufferBindingSize} bytes`;
    const message = `an image of ${4 * larger} bytes exceeds what this device binds at once (${limits})`;
    throw new ChainruleError("limit", `${op.name}: ${message}; use fewer channels or smaller images`);
  }
  const windowOf = (first: number, count: number, each: number): ImageWindow => {
    const offset = Math.floor((first * each) / align) * align;
    return { offset, size: (first + count) * each - offset, rest: first * each - offset };
  };
  const chunks: ImageChunk[] = [];
  for (let first = 0; first < n; first += most) {
    const count = Math.min(most, n - first);
    chunks.push({ first, count, x: windowOf(first, count, x), y: windowOf(first, count, y), whole: fits });
  }
  return chunks;
}

/** The binding of a value whose images are those of a chunk. */
export const windowed = (b: Binding, { offset, size }: ImageWindow, { whole }: ImageChunk): Binding =>
  whole ? b : { ...b, offset, size };

/** Elements of an image of x and of y. */
export const imageSizes = ({ c, out, rows, columns }: ConvDims): { readonly x: number; readonly y: number } => ({
  x: c * rows.x * columns.x,
  y: out * rows.y * columns.y,
});
