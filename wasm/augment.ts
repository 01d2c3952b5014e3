import { at, begin, int, word } from "./core";
import { philox } from "./random";

/**
 * (data, index, cursor, y, words, rows, channels, height, width, padding, shift, cutout, flips, seed, stream): rows of images,
 * changed as src/ops/augment/augment.ts says; `words` are eight words of scratch for each part.
 */
export function augment(call: usize, part: i32, parts: i32): void {
  const words = at(call, 4) + (<usize>part << 5);
  const rows = int(call, 5);
  const channels = int(call, 6);
  const height = int(call, 7);
  const width = int(call, 8);
  const cutout = int(call, 11);
  const step = load<u32>(at(call, 2));
  const bytes = <usize>(channels * height * width) << 2;
  const end = begin(rows, part + 1, parts, 1);
  for (let i = begin(rows, part, parts, 1); i < end; i++) {
    philox(2 * i, step, word(call, 14), word(call, 13), words);
    philox(2 * i + 1, step, word(call, 14), word(call, 13), words + 16);
    const cropY = within(words, int(call, 9));
    const cropX = within(words + 4, int(call, 9));
    const shiftY = within(words + 8, int(call, 10));
    const shiftX = within(words + 12, int(call, 10));
    const flips = load<u32>(words + 16) & word(call, 12);
    const top = <i32>below(words + 20, height) - cutout / 2;
    const left = <i32>below(words + 24, width) - cutout / 2;
    const x = at(call, 0) + <usize>load<u32>(at(call, 1) + (<usize>i << 2)) * bytes;
    const y = at(call, 3) + <usize>i * bytes;
    memory.fill(y, 0, bytes);
    // Columns that are shown, before they are flipped: those that stay in the image as it is cropped, and as it moves.
    const from = max(max(0, shiftX), shiftX - cropX);
    const to = min(min(width, width + shiftX), width + shiftX - cropX);
    if (from >= to) continue;
    for (let a = 0; a < height; a++) {
      const moved = ((flips & 2) != 0 ? height - 1 - a : a) - shiftY;
      const line = moved + cropY;
      if (moved < 0 || moved >= height || line < 0 || line >= height) continue;
      const cut = a >= top && a < top + cutout;
      for (let c = 0; c < channels; c++) {
        const to0 = y + (<usize>((c * height + a) * width) << 2);
        const source = x + (<usize>((c * height + line) * width + from - shiftX + cropX) << 2);
        if ((flips & 1) == 0) memory.copy(to0 + (<usize>from << 2), source, <usize>(to - from) << 2);
        else {
          for (let b = from; b < to; b++) {
            store<f32>(to0 + (<usize>(width - 1 - b) << 2), load<f32>(source + (<usize>(b - from) << 2)));
          }
        }
        if (!cut) continue;
        const first = max(left, 0);
        const last = min(left + cutout, width);
        if (first < last) memory.fill(to0 + (<usize>first << 2), 0, <usize>(last - first) << 2);
      }
    }
  }
}

/** A number below `count`, from a random word. */
function below(at: usize, count: i32): u32 {
  return <u32>((<u64>load<u32>(at) * <u64>count) >> 32);
}

/** A number from -reach to reach. */
function within(at: usize, reach: i32): i32 {
  return <i32>below(at, 2 * reach + 1) - reach;
}
