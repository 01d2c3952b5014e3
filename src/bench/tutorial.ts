import { throwIfAborted } from "../core/abort.ts";
import { uniforms } from "../core/philox.ts";
import { measure, type Timing } from "./stats.ts";

/** The tutorial's question: what does a gradient cost from the front, and what backward? */
export interface DirectionRow {
  readonly layers: number;
  readonly width: number;
  readonly weights: number;
  /** Multiplications, counted while they were done. */
  readonly backward: number;
  readonly forwardMode: number;
  readonly backwardMs: Timing;
  readonly forwardModeMs: Timing;
  /** Largest difference between the two gradients, relative to the largest element. */
  readonly difference: number;
}

interface Net {
  readonly width: number;
  readonly weights: readonly Float64Array[];
  readonly x: Float64Array;
  readonly target: Float64Array;
}

/** Counts multiplications where wanted. */
interface Counter {
  multiplications: number;
}

function net(layers: number, width: number): Net {
  const draw = (step: number, n: number): Float64Array => Float64Array.from(uniforms(1, 1, step, n));
  const weights = Array.from({ length: layers }, (_, i) => draw(i, width * width).map((w) => w / width));
  return { width, weights, x: draw(layers, width), target: draw(layers + 1, width) };
}

/** y = x W, one layer. */
function layer(x: Float64Array, w: Float64Array, width: number, counter: Counter): Float64Array {
  const y = new Float64Array(width);
  for (let i = 0; i < width; i++) for (let j = 0; j < width; j++) y[j]! += x[i]! * w[i * width + j]!;
  counter.multiplications += width * width;
  return y;
}

/** All gradients in one pass back: node values forward, partial derivatives backward, their products. */
function backwardGradients({ width, weights, x, target }: Net, counter: Counter): Float64Array[] {
  const values = [x];
  for (const w of weights) values.push(layer(values.at(-1)!, w, width, counter));
  let delta = values.at(-1)!.map((p, j) => 2 * (p - target[j]!));
  const gradients: Float64Array[] = [];
  for (let l = weights.length - 1; l >= 0; l--) {
    const gradient = new Float64Array(width * width);
    const before = new Float64Array(width);
    for (let i = 0; i < width; i++) {
      for (let j = 0; j < width; j++) {
        gradient[i * width + j] = values[l]![i]! * delta[j]!;
        if (l > 0) before[i]! += weights[l]![i * width + j]! * delta[j]!;
      }
    }
    counter.multiplications += (l > 0 ? 2 : 1) * width * width;
    gradients.unshift(gradient);
    delta = before;
  }
  return gradients;
}

/** One pass from the front for each weight: its nudge is carried to the loss through the layers behind it. */
function forwardModeGradients({ width, weights, x, target }: Net, counter: Counter): Float64Array[] {
  const values = [x];
  for (const w of weights) values.push(layer(values.at(-1)!, w, width, counter));
  const error = values.at(-1)!.map((p, j) => 2 * (p - target[j]!));
  return weights.map((w, l) =>
    w.map((_, index) => {
      let tangent = new Float64Array(width);
      tangent[index % width] = values[l]![Math.floor(index / width)]!;
      for (const next of weights.slice(l + 1))
        tangent = layer(tangent, next, width, counter) as Float64Array<ArrayBuffer>;
      let slope = 0;
      for (let j = 0; j < width; j++) slope += error[j]! * tangent[j]!;
      counter.multiplications += width;
      return slope;
    }),
  );
}

/** Depths and widths over which the two grow apart. */
export const directionSizes: readonly (readonly [layers: number, width: number])[] = [
  [3, 4],
  [6, 4],
  [12, 4],
  [3, 8],
  [3, 16],
  [3, 32],
];

export async function* benchDirections(signal?: AbortSignal): AsyncGenerator<DirectionRow> {
  for (const [layers, width] of directionSizes) {
    throwIfAborted(signal);
    const n = net(layers, width);
    const counted = { backward: { multiplications: 0 }, forward: { multiplications: 0 } };
    const back = backwardGradients(n, counted.backward);
    const front = forwardModeGradients(n, counted.forward);
    const largest = Math.max(...back.flatMap((g) => [...g].map(Math.abs)));
    const difference = Math.max(...back.flatMap((g, l) => [...g].map((v, i) => Math.abs(v - front[l]![i]!)))) / largest;
    const idle = { multiplications: 0 };
    const time = (f: () => void) =>
      measure(
        async (count) => {
          for (let i = 0; i < count; i++) f();
        },
        { samples: 5, sampleMs: 20, signal },
      );
    yield {
      layers,
      width,
      weights: layers * width * width,
      backward: counted.backward.multiplications,
      forwardMode: counted.forward.multiplications,
      backwardMs: await time(() => backwardGradients(n, idle)),
      forwardModeMs: await time(() => forwardModeGradients(n, idle)),
      difference,
    };
  }
}
