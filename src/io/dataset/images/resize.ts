import type { DecodedImage } from "./image.ts";

/** What each place of the result takes of one axis: from `first` on, by weights that add up to 1. */
interface Taps {
  readonly first: number;
  readonly weights: readonly number[];
}

/**
 * Triangles as wide as the step where an axis shrinks, so that every sample has its share, and as wide as a sample where it
 * grows: Pillow's BILINEAR, and torchvision's Resize with antialias.
 */
function tapsOf(from: number, to: number): Taps[] {
  const step = from / to;
  const reach = Math.max(1, step);
  return Array.from({ length: to }, (_, i) => {
    const middle = (i + 0.5) * step;
    const first = Math.max(0, Math.floor(middle - reach + 0.5));
    const end = Math.min(from, Math.floor(middle + reach + 0.5));
    const weights = Array.from({ length: end - first }, (_, k) =>
      Math.max(0, 1 - Math.abs(first + k + 0.5 - middle) / reach),
    );
    const sum = weights.reduce((a, b) => a + b, 0);
    return { first, weights: weights.map((w) => w / sum) };
  });
}

/** The image at another size, its sides stretched apart from each other. */
export function resized(image: DecodedImage, width: number, height: number): DecodedImage {
  const { channels } = image;
  if (image.width === width && image.height === height) return image;
  const narrow = new Float32Array(image.height * width * channels);
  const across = tapsOf(image.width, width);
  for (let y = 0; y < image.height; y++) {
    for (const [x, { first, weights }] of across.entries()) {
      for (let k = 0; k < channels; k++) {
        let sum = 0;
        weights.forEach((w, i) => {
          sum += w * image.data[(y * image.width + first + i) * channels + k]!;
        });
        narrow[(y * width + x) * channels + k] = sum;
      }
    }
  }
  const data = new Float32Array(height * width * channels);
  const line = width * channels;
  for (const [y, { first, weights }] of tapsOf(image.height, height).entries()) {
    for (let j = 0; j < line; j++) {
      let sum = 0;
      weights.forEach((w, i) => {
        sum += w * narrow[(first + i) * line + j]!;
      });
      data[y * line + j] = sum;
    }
  }
  return { width, height, channels, data };
}
