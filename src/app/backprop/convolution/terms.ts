import { CLASSES, KERNEL, POOL } from "../../worker/conv-sizes.ts";
import type { ConvStory } from "../../worker/conv-story.ts";
import type { Factor as FilmFactor, Terms as FilmTerms } from "../film/products.tsx";
import { type Cell, indexOf, type MapName, mapOf, placeOf } from "./frames.ts";

type Factor = FilmFactor<MapName>;
type Terms = FilmTerms<MapName>;

/** The input under element `at` of the kernel when the kernel lies at a place of the convolution. */
function under(s: ConvStory, place: number, at: number): Factor {
  const { row, column } = placeOf(s.conv, place);
  const k = placeOf({ side: KERNEL }, at);
  const [y, x] = [row * s.stride + k.row - s.padding, column * s.stride + k.column - s.padding];
  const { side, values } = s.input;
  if (Math.min(x, y) < 0 || Math.max(x, y) >= side) return { value: 0, cell: null, beyond: [y, x] };
  const index = y * side + x;
  return { value: values[index]!, cell: { map: "input", index } };
}

const range = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i);
const PLACES = KERNEL ** 2;

/** The window of the input at a place, times the kernel. */
export function windowTerms(s: ConvStory, place: number): Terms {
  const { channel } = placeOf(s.conv, place);
  return {
    columns: KERNEL,
    pairs: range(PLACES).map((k) => {
      const index = channel * PLACES + k;
      return [under(s, place, k), { value: s.parameters.kernels[index]!, cell: { map: "kernels", index } }];
    }),
    start: s.parameters.kernelBias[channel]!,
    total: s.conv.values[place]!,
  };
}

/** All that the pools hold, times the weights of one output. */
export function outputTerms(s: ConvStory, output: number): Terms {
  return {
    columns: s.pool.side,
    pairs: s.pool.values.map((value, index) => [
      { value, cell: { map: "pool", index } },
      { value: s.parameters.weights[index * CLASSES + output]!, cell: null },
    ]),
    start: s.parameters.bias[output]!,
    total: s.outputs.values[output]!,
  };
}

/** The gradients of all outputs, times the weights by which one pooled value reached them. */
export function poolDeltaTerms(s: ConvStory, pooled: number): Terms {
  return {
    columns: CLASSES,
    pairs: s.outputs.deltas.map((value, index) => [
      { value, cell: { map: "outputs", index } },
      { value: s.parameters.weights[pooled * CLASSES + index]!, cell: null },
    ]),
    start: 0,
    total: s.pool.deltas[pooled]!,
  };
}

/** The window at one place, times the gradient there: what this place adds to the kernel's gradient. */
export function shareTerms(s: ConvStory, place: number): readonly (readonly [Factor, Factor])[] {
  const delta: Factor = { value: s.conv.deltas[place]!, cell: { map: "conv", index: place } };
  return range(PLACES).map((k) => [under(s, place, k), delta]);
}

/** The gradient of the kernel that `place` belongs to, as far as the places up to this one have it. */
export function sumUpTo(s: ConvStory, place: number): readonly number[] {
  const first = placeOf(s.conv, place).channel * s.conv.side ** 2;
  const sums = range(PLACES).map(() => 0);
  for (let p = first; p <= place; p++) {
    for (const [k, [x, delta]] of shareTerms(s, p).entries()) sums[k]! += x.value * delta.value;
  }
  return sums;
}

/** One element of a kernel: the gradient at every place, times the input that lay under it there. */
export function kernelDeltaTerms(s: ConvStory, element: number): Terms {
  const { channel } = placeOf({ side: KERNEL }, element);
  const { side, deltas } = s.conv;
  return {
    columns: side,
    pairs: range(side ** 2).map((p) => {
      const index = channel * side ** 2 + p;
      return [under(s, index, element % PLACES), { value: deltas[index]!, cell: { map: "conv", index } }];
    }),
    start: 0,
    total: s.gradients.kernels[element]!,
  };
}

/** One cell of the input: the gradients of the places whose windows it was in, times the kernel turned by half a turn. */
export function inputDeltaTerms(s: ConvStory, cell: number): Terms {
  const { row, column } = placeOf(s.input, cell);
  const { channels, side, deltas } = s.conv;
  return {
    columns: KERNEL,
    pairs: range(channels * PLACES).map((turned) => {
      const channel = Math.floor(turned / PLACES);
      const element = channel * PLACES + (PLACES - 1 - (turned % PLACES));
      const k = placeOf({ side: KERNEL }, element);
      const [y, x] = [row + s.padding - k.row, column + s.padding - k.column].map((v) => v / s.stride);
      if (!Number.isInteger(x) || !Number.isInteger(y)) return null;
      if (Math.min(x!, y!) < 0 || Math.max(x!, y!) >= side) return null;
      const index = indexOf(s.conv, { channel, row: y!, column: x! });
      return [
        { value: deltas[index]!, cell: { map: "conv", index } },
        { value: mapOf(s, "kernels").values[element]!, cell: { map: "kernels", index: element } },
      ];
    }),
    start: 0,
    total: s.input.deltas[cell]!,
  };
}

/** Cells of the pooling window `index`, in order. */
export function pooledCells(s: ConvStory, index: number): readonly Cell[] {
  const { channel, row, column } = placeOf(s.pool, index);
  return range(POOL ** 2).map((i) => ({
    map: "relu",
    index: indexOf(s.relu, {
      channel,
      row: row * POOL + Math.floor(i / POOL),
      column: column * POOL + (i % POOL),
    }),
  }));
}
