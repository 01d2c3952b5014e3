import type { UpsampleMode } from "../../../shaders/shape/upsample.ts";
import { type Shape, sizeOf } from "../../core/ndarray.ts";

/** Settings of upsample. */
export interface UpsampleAttrs {
  /** How many places each place becomes along each of the last axes, one or two: whole numbers from 1. */
  readonly scale: readonly number[];
  /**
   * "nearest" repeats places; "bilinear" goes straight from the middle of one to that of the next (linear, along one
   * axis), and is level before the first and behind the last.
   */
  readonly mode: UpsampleMode;
}

/** Images in a row, one for each of the axes before the last ones. */
export interface Grid {
  readonly images: number;
  readonly h: number;
  readonly w: number;
  readonly sy: number;
  readonly sx: number;
}

/** @param shape that of x, before upsampling. */
export function gridOf(shape: Shape, { scale }: Pick<UpsampleAttrs, "scale">): Grid {
  const w = shape.at(-1)!;
  const h = scale.length === 2 ? shape.at(-2)! : 1;
  return { images: sizeOf(shape) / (w * h), h, w, sy: scale.length === 2 ? scale[0]! : 1, sx: scale.at(-1)! };
}

/** The places of an axis that place i of the larger one is made of, with their weights. */
export function tapsOf(
  i: number,
  scale: number,
  n: number,
  mode: UpsampleMode,
): readonly (readonly [number, number])[] {
  if (mode === "nearest") return [[Math.floor(i / scale), 1]];
  const t = Math.max(2 * i + 1 - scale, 0);
  const below = Math.floor(t / (2 * scale));
  const share = (t % (2 * scale)) / (2 * scale);
  return [
    [below, 1 - share],
    [Math.min(below + 1, n - 1), share],
  ];
}

/** Calls `term` for each element of the larger image, each place of the smaller one that it is made of, and the weight. */
export function eachTap(grid: Grid, mode: UpsampleMode, term: (i: number, j: number, weight: number) => void): void {
  const { images, h, w, sy, sx } = grid;
  let i = 0;
  for (let image = 0; image < images; image++) {
    for (let y = 0; y < h * sy; y++) {
      for (let x = 0; x < w * sx; x++, i++) {
        for (const [row, weightY] of tapsOf(y, sy, h, mode)) {
          for (const [column, weightX] of tapsOf(x, sx, w, mode)) {
            term(i, (image * h + row) * w + column, weightY * weightX);
          }
        }
      }
    }
  }
}
