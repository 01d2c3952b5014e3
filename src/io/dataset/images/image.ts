import { ChainruleError } from "../../../core/errors.ts";

/** A decoded image: its samples from 0 to 1, row by row from the top, channels side by side. */
export interface DecodedImage {
  /** Pixels across. */
  readonly width: number;
  /** Pixels from top to bottom. */
  readonly height: number;
  /** 1 is grey, 3 red, green, blue. */
  readonly channels: 1 | 3;
  /** [height, width, channels] */
  readonly data: Float32Array;
}

/** Sides and pixels that an image may have: what decoding it takes is known before it is decoded. */
const MOST_SIDE = 16384;
const MOST_PIXELS = 2 ** 26;

export function refuseImage(name: string, why: string, cause?: unknown): never {
  throw new ChainruleError("data", `${name}: ${why}`, cause === undefined ? {} : { cause });
}

/** Throws where an image of such sides is none, or too large. */
export function requireSides(name: string, width: number, height: number): void {
  if (width < 1 || height < 1) refuseImage(name, `an image of ${width} x ${height} pixels is empty`);
  if (width > MOST_SIDE || height > MOST_SIDE || width * height > MOST_PIXELS) {
    const most = `${MOST_SIDE} a side and ${MOST_PIXELS / 2 ** 20} Mi pixels`;
    refuseImage(name, `${width} x ${height} pixels, more than the ${most} that are accepted`);
  }
}
