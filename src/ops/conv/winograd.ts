import type { Axis, ConvDims } from "./geometry.ts";

/** Channels on both sides from which Winograd's products save more than its additions cost. */
const LEAST_CHANNELS = 32;
/** Tiles of an image from which turned kernels are read often enough. */
const LEAST_TILES = 24;
/** Places that tiles of 2 x 2 compute, for one that is wanted. */
const MOST_WASTE = 1.25;

/** True where the CPU computes a convolution by tiles (wasm/winograd.ts): kernels of 3 x 3, moved place by place. */
export function takesWinograd({ groups, c, out, rows, columns }: ConvDims, result: "x" | "y"): boolean {
  const moves = ({ kernel, stride, dilation, before }: Axis): boolean =>
    kernel === 3 && stride === 1 && dilation === 1 && before <= 2;
  const tiles = Math.ceil(rows[result] / 2) * Math.ceil(columns[result] / 2);
  return (
    groups === 1 &&
    Math.min(c, out) >= LEAST_CHANNELS &&
    moves(rows) &&
    moves(columns) &&
    tiles >= LEAST_TILES &&
    4 * tiles <= MOST_WASTE * rows[result] * columns[result]
  );
}
