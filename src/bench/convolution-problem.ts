import { type NdArray, ndarray, type Shape, sizeOf } from "../core/ndarray.ts";
import { normals, randomWord, STREAM } from "../core/philox.ts";
import { Graph, type Tensor } from "../graph/graph.ts";
import { conv, convInputGradient, convWeightGradient } from "../ops/conv/conv.ts";

/** What comes out of a convolution, and the two gradients from what comes back. */
export type ConvolutionForm = "forward" | "input" | "weight";

/** A square kernel of odd size at stride 1, whose padding keeps the size of the image. */
export interface ConvolutionSize {
  readonly form: ConvolutionForm;
  /** [n, c, h, w] */
  readonly x: Shape;
  /** [out, c, k, k] */
  readonly w: Shape;
}

/** Standard normal; y is what comes back in both gradients. */
export interface ConvolutionOperands {
  readonly x: NdArray;
  readonly w: NdArray;
  /** [n, out, h, w] */
  readonly y: NdArray;
}

/** Elements that are computed again in f64 before a convolution is timed. */
const SAMPLES = 256;

export const paddingOf = ({ w }: ConvolutionSize): number => (w[2]! - 1) / 2;

/** Multiply-adds, padding counted: the same in all three forms. */
export const convolutionWork = ({ x, w }: ConvolutionSize): number => sizeOf(w) * x[0]! * x[2]! * x[3]!;

export function convolutionOperands({ x, w }: ConvolutionSize): ConvolutionOperands {
  const draw = (shape: Shape, step: number): NdArray =>
    ndarray(shape, "f32", normals(1, STREAM.check, step, sizeOf(shape)));
  return { x: draw(x, 11), w: draw(w, 12), y: draw([x[0]!, w[0]!, x[2]!, x[3]!], 13) };
}

/** A graph of one convolution, its operands resident. */
export function convolutionGraph(
  size: ConvolutionSize,
  operands: ConvolutionOperands,
): { readonly graph: Graph; readonly result: Tensor } {
  const graph = new Graph();
  const [x, w, y] = (["x", "w", "y"] as const).map((name) => graph.variable(name, operands[name]));
  const p = paddingOf(size);
  const attrs = { stride: [1, 1], padding: [[p, p], [p, p]] as const, dilation: [1, 1], groups: 1 }; // biome-ignore format: pairs
  const [, , ...places] = size.x;
  const [, , ...kernel] = size.w;
  const result = {
    forward: () => graph.one(conv, [x!, w!], attrs),
    input: () => graph.one(convInputGradient, [y!, w!], { ...attrs, places }),
    weight: () => graph.one(convWeightGradient, [x!, y!], { ...attrs, kernel }),
  }[size.form]();
  graph.keep(result);
  return { graph, result };
}

/** Computes random elements, corners among them, again in f64 and holds them to 4 sqrt(K + 1) u |A||B|, K terms a sum. */
export function verifyConvolution(size: ConvolutionSize, operands: ConvolutionOperands, result: NdArray): boolean {
  const { shape, data } = result;
  for (let s = 0; s < SAMPLES; s++) {
    const corner = s < 16;
    const at = shape.map((n, axis) => (corner ? (s >> axis) & 1 && n - 1 : randomWord(2, STREAM.check, axis, s) % n));
    let sum = 0;
    let magnitude = 0;
    let terms = 0;
    for (const [a, b] of termsAt(size, operands, at)) {
      sum += a * b;
      magnitude += Math.abs(a * b);
      terms++;
    }
    const index = at.reduce((flat, i, axis) => flat * shape[axis]! + i, 0);
    const bound = 4 * Math.sqrt(terms + 1) * 2 ** -24 * magnitude + 2 ** -126;
    if (!(Math.abs(data[index]! - sum) <= bound)) return false;
  }
  return true;
}

/** The factors of the terms of one element, by the definition of a convolution. */
function* termsAt(size: ConvolutionSize, { x, w, y }: ConvolutionOperands, at: readonly number[]) {
  const [images, channels, height, width] = size.x as readonly [number, number, number, number];
  const [out, , k] = size.w as readonly [number, number, number, number];
  const p = paddingOf(size);
  const xAt = (i: number, c: number, r: number, q: number): number =>
    r < 0 || q < 0 || r >= height || q >= width ? 0 : x.data[((i * channels + c) * height + r) * width + q]!;
  const yAt = (i: number, o: number, r: number, q: number): number =>
    r < 0 || q < 0 || r >= height || q >= width ? 0 : y.data[((i * out + o) * height + r) * width + q]!;
  const wAt = (o: number, c: number, r: number, q: number): number => w.data[((o * channels + c) * k + r) * k + q]!;
  const [a, b, c, d] = at as readonly [number, number, number, number];
  if (size.form === "weight") {
    for (let i = 0; i < images; i++)
      for (let r = 0; r < height; r++)
        for (let q = 0; q < width; q++) yield [xAt(i, b, r + c - p, q + d - p), yAt(i, a, r, q)] as const;
    return;
  }
  const others = size.form === "forward" ? channels : out;
  for (let e = 0; e < others; e++)
    for (let r = 0; r < k; r++)
      for (let q = 0; q < k; q++) {
        if (size.form === "forward") yield [xAt(a, e, c + r - p, d + q - p), wAt(b, e, r, q)] as const;
        else yield [yAt(a, e, c - r + p, d - q + p), wAt(e, b, r, q)] as const;
      }
}
