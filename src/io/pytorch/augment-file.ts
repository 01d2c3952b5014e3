import type { AugmentSpec } from "../../train/run/augment.ts";

/** Settings of augment.py's function, as Python writes them. */
export function augmentSettings({ crop, shift = 0, flip, cutout = 0 }: AugmentSpec): string {
  const python = (value: boolean): string => (value ? "True" : "False");
  const [across, down] = [flip === "horizontal" || flip === "both", flip === "vertical" || flip === "both"];
  const flips = `"across": ${python(across)}, "down": ${python(down)}`;
  return `{"padding": ${crop?.padding ?? 0}, "shift": ${shift}, ${flips}, "cutout": ${cutout}}`;
}

/** augment.py: images changed by the same random words as here. */
export const augmentPy = `"""Images as Chainrule changes them for training: cropped, moved, flipped and cut out, all functions of a seed, of the step
and of a row's place in the batch."""

import numpy as np
import torch

from rows import U, philox

STREAM = 7  # of random numbers, shared with nothing else


def below(word, count):
    """A number below \`count\` from each random word."""
    return ((word * U(count)) >> U(32)).astype(np.int64)


def within(word, reach):
    return below(word, 2 * reach + 1) - reach


def augment(x, step, places, seed, padding, shift, across, down, cutout):
    """x [n, channels, height, width], changed; \`places\` are the rows' places in the whole batch."""
    n, channels, height, width = x.shape
    crop_y, crop_x, move_y, move_x = philox((2 * places, step, STREAM, 0), seed)
    flips, hole_y, hole_x, _ = philox((2 * places + 1, step, STREAM, 0), seed)
    sides = [
        source(height, down, flips & U(2), crop_y, move_y, hole_y, padding, shift, cutout),
        source(width, across, flips & U(1), crop_x, move_x, hole_x, padding, shift, cutout),
    ]
    (from_y, stays_y, cut_y), (from_x, stays_x, cut_x) = sides
    shown = stays_y[:, :, None] & stays_x[:, None, :] & ~(cut_y[:, :, None] & cut_x[:, None, :])
    index = from_y[:, :, None] * width + from_x[:, None, :]
    index = torch.from_numpy(index.reshape(n, 1, -1)).to(x.device).expand(n, channels, -1)
    moved = x.flatten(2).gather(2, index).reshape(x.shape)
    return torch.where(torch.from_numpy(shown[:, None]).to(x.device), moved, torch.zeros_like(moved))


def source(size, flips, flip, crop, move, hole, padding, shift, cutout):
    """Of one axis [n, size]: where each place comes from, whether that lies in the image, and whether it is cut out."""
    at = np.arange(size)[None, :]
    turned = np.where(flips & (flip != 0)[:, None], size - 1 - at, at)
    moved = turned - within(move, shift)[:, None]
    start = moved + within(crop, padding)[:, None]
    stays = (moved >= 0) & (moved < size) & (start >= 0) & (start < size)
    first = (below(hole, size) - cutout // 2)[:, None]
    return start.clip(0, size - 1), stays, (at >= first) & (at < first + cutout)
`;
