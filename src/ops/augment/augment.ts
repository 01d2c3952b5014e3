import { augment as augmentCode, augmentParams, drawing, drawsOf, sourceOf } from "../../../shaders/augment/augment.ts";
import { philox as philoxCode } from "../../../shaders/random.ts";
import { sizeOf, zeros } from "../../core/ndarray.ts";
import { philox, STREAM } from "../../core/philox.ts";
import { index } from "../../graph/chip.ts";
import { wrongShapes } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { COST, constants } from "../shared/chip.ts";
import { grid, input, output, scratch } from "../shared/dispatch-plan.ts";
import { flatCall } from "../shared/wasm-plan.ts";

/** How images are changed; 0 or false for what is not done. */
export interface AugmentAttrs {
  /** Channels, height and width of a row. */
  readonly shape: readonly [channels: number, height: number, width: number];
  /** Zeros around an image out of which one of its size is cropped, anywhere. */
  readonly padding: number;
  /** Pixels by which it moves at most, each way. */
  readonly shift: number;
  /** Side of the square that is set to zero, whose middle may lie anywhere in the image. */
  readonly cutout: number;
  readonly flipsAcross: boolean;
  readonly flipsDown: boolean;
  readonly seed: number;
}

const paramsOf = (rows: number, { shape, padding, shift, cutout, flipsAcross, flipsDown, seed }: AugmentAttrs) => ({
  ...{ rows, channels: shape[0], height: shape[1], width: shape[2], padding, shift, cutout },
  ...{ flips: Number(flipsAcross) + 2 * Number(flipsDown), seed: seed >>> 0, stream: STREAM.augment },
});

/**
 * y [batch, values] = rows of data [n, values] named by index u32 [batch], each cropped, moved, flipped and cut out as the
 * random words of (seed, step, place in the batch) say: every executor draws the same. The step is cursor[0].
 */
export const augment: Op<AugmentAttrs> = {
  name: "augment",
  infer(inputs, { shape }) {
    const [data, rows, cursor] = inputs;
    const fits = data!.dtype === "f32" && sizeOf(data!.shape.slice(1)) === sizeOf(shape);
    if (!fits || rows!.dtype !== "u32" || rows!.shape.length !== 1 || sizeOf(cursor!.shape) !== 4) {
      wrongShapes(
        augment,
        inputs,
        `f32 data [n, ...] of images [${shape.join(", ")}], u32 index [batch], a cursor [4]`,
      );
    }
    return [{ shape: [rows!.shape[0]!, ...data!.shape.slice(1)], dtype: "f32" }];
  },
  reference([data, rows, cursor], attrs) {
    const [channels, height, width] = attrs.shape;
    const { padding, shift, cutout } = attrs;
    const size = channels * height * width;
    const y = zeros([rows!.data.length, ...data!.shape.slice(1)], data!.dtype);
    const words = new Uint32Array(8);
    const below = (k: number, count: number): number => Math.floor((words[k]! * count) / 2 ** 32);
    const within = (k: number, reach: number): number => below(k, 2 * reach + 1) - reach;
    for (let i = 0; i < rows!.data.length; i++) {
      for (const half of [0, 1]) {
        philox(2 * i + half, cursor!.data[0]!, STREAM.augment, 0, attrs.seed >>> 0, 0, words, 4 * half);
      }
      const [cropY, cropX, shiftY, shiftX] = [
        within(0, padding),
        within(1, padding),
        within(2, shift),
        within(3, shift),
      ];
      const [across, down] = [attrs.flipsAcross && (words[4]! & 1) > 0, attrs.flipsDown && (words[4]! & 2) > 0];
      const half = Math.floor(cutout / 2);
      const [top, left] = [below(5, height) - half, below(6, width) - half];
      for (let j = 0; j < size; j++) {
        const [a, b] = [Math.floor(j / width) % height, j % width];
        if (a >= top && a < top + cutout && b >= left && b < left + cutout) continue;
        const [movedY, movedX] = [(down ? height - 1 - a : a) - shiftY, (across ? width - 1 - b : b) - shiftX];
        const [fromY, fromX] = [movedY + cropY, movedX + cropX];
        const inside = (p: number, n: number): boolean => p >= 0 && p < n;
        if (!inside(movedY, height) || !inside(movedX, width) || !inside(fromY, height) || !inside(fromX, width))
          continue;
        const from = (Math.floor(j / (height * width)) * height + fromY) * width + fromX;
        y.data[i * size + j] = data!.data[rows!.data[i]! * size + from]!;
      }
    }
    return [y];
  },
  wasm([, rows], [y], attrs) {
    const { rows: batch, ...numbers } = paramsOf(rows!.shape[0]!, attrs);
    const args = [input(0), input(1), input(2), output(0), scratch(0, "read_write"), batch, ...Object.values(numbers)];
    const plan = flatCall("augment", args, y!);
    return { ...plan, scratch: [{ shape: [8 * plan.calls[0]!.parts!], dtype: "u32" }] };
  },
  gradient: "none",
  onChip(w, [data, rows, cursor], [y], attrs) {
    const [batch, size] = [rows!.shape[0]!, sizeOf(attrs.shape)];
    for (const text of [philoxCode, drawing]) w.declare(text);
    constants(w, "AugmentParams", augmentParams, paramsOf(batch, attrs));
    w.each(batch, (i) => {
      w.add(drawsOf(index.text(i), cursor!.at), 2 * COST.philox);
      w.loop(0, size, (j) => {
        w.add(sourceOf(index.text(j)), 10);
        const from = data!.at(`(${rows!.at(i)} * ${size}u + place)`);
        w.add(`${y!.at(index.plus(index.times(i, size), j))} = select(0.0, ${from}, shown);`, COST.lookup);
      });
    });
  },
  lookups: [0],
  kernels: [
    {
      name: "augment/row",
      plan([, rows], _outputs, attrs, caps) {
        const batch = rows!.shape[0]!;
        const bindings = [input(0), input(1), input(2), output(0)];
        const params = augmentParams.pack(paramsOf(batch, attrs));
        return {
          launches: [{ code: augmentCode(attrs.shape[2] % 4 === 0), params, bindings, workgroups: grid(batch, caps) }],
        };
      },
    },
  ],
};
