import { type NdArray, ndarray } from "../../src/core/ndarray.ts";
import { normals, STREAM } from "../../src/core/philox.ts";
import { Graph, type Tensor } from "../../src/graph/graph.ts";
import { attention, attentionGradient } from "../../src/ops/attention/attention.ts";

/** Causal attention of one row of steps, forward and back: from q, k, v and dy to their three gradients. */
export interface AttentionSize {
  readonly steps: number;
  readonly heads: number;
  /** Width of a head. */
  readonly d: number;
}

/** As a projection gives them: qkv [1, steps, 3 heads d], queries, keys and values of each step side by side; dy [1, steps, heads d]. */
export interface AttentionOperands {
  readonly qkv: NdArray;
  readonly dy: NdArray;
}

/** Heads whose gradients are worked out again in f64; the relative error that the norm of their difference may have. */
const CHECKED = [0, -1];
const LIMIT = 1e-5;

const attrs = (heads: number) => ({ heads, keyHeads: heads, causal: true, lengths: false, dropout: null });

export function attentionOperands({ steps, heads, d }: AttentionSize): AttentionOperands {
  const draw = (parts: number, step: number): NdArray => {
    const size = parts * steps * heads * d;
    return ndarray([1, steps, parts * heads * d], "f32", normals(1, STREAM.check, step, size));
  };
  return { qkv: draw(3, 14), dy: draw(1, 15) };
}

/** What lies side by side as arrays of their own, [steps, heads, d], or [heads, steps, d] for libraries that want it so. */
export function apart({ data }: NdArray, size: AttentionSize, headsFirst = false): Float32Array[] {
  const { steps, heads, d } = size;
  const count = data.length / (steps * heads * d);
  return Array.from({ length: count }, (_, part) => {
    const out = new Float32Array(steps * heads * d);
    for (const [step, head, at] of places(size, headsFirst)) {
      const from = ((step * count + part) * heads + head) * d;
      out.set(data.subarray(from, from + d), at);
    }
    return out;
  });
}

/** The way back: [1, steps, parts heads d]. */
export function together(parts: readonly ArrayLike<number>[], size: AttentionSize, headsFirst = false): NdArray {
  const { steps, heads, d } = size;
  const data = new Float32Array(parts.length * steps * heads * d);
  for (const [k, part] of parts.entries()) {
    for (const [step, head, at] of places(size, headsFirst)) {
      for (let c = 0; c < d; c++) data[((step * parts.length + k) * heads + head) * d + c] = part[at + c]!;
    }
  }
  return ndarray([1, steps, parts.length * heads * d], "f32", data);
}

/** Every step and head, and where its d numbers begin. */
function* places({ steps, heads, d }: AttentionSize, headsFirst: boolean): Generator<[number, number, number]> {
  for (let step = 0; step < steps; step++) {
    for (let head = 0; head < heads; head++) {
      yield [step, head, (headsFirst ? head * steps + step : step * heads + head) * d];
    }
  }
}

/** A graph of both ways, its operands resident. */
export function attentionGraph(
  { heads }: AttentionSize,
  operands: AttentionOperands,
): { readonly graph: Graph; readonly result: Tensor } {
  const graph = new Graph();
  const [qkv, dy] = [graph.variable("qkv", operands.qkv), graph.variable("dy", operands.dy)];
  const [o, lse] = graph.add(attention, [qkv], attrs(heads));
  const result = graph.one(attentionGradient, [dy, qkv, o!, lse!], attrs(heads), "d qkv");
  graph.keep(result);
  return { graph, result };
}

/** Holds the gradients of the first and the last head, as one array, to f64. */
export function verifyAttention(size: AttentionSize, { qkv, dy }: AttentionOperands, result: NdArray): boolean {
  const { steps, heads, d } = size;
  const one = { ...size, heads: 1 };
  const wide = (array: NdArray, head: number): NdArray => {
    const rows = apart(array, size, true).map((part) => part.subarray(head * steps * d, (head + 1) * steps * d));
    const { shape, data } = together(rows, one);
    return { shape, dtype: "f64", data: Float64Array.from(data) };
  };
  return CHECKED.every((at) => {
    const head = (at + heads) % heads;
    const [x, g, found] = [qkv, dy, result].map((array) => wide(array, head)) as [NdArray, NdArray, NdArray];
    const [o, lse] = attention.reference([x], attrs(1));
    const [exact] = attentionGradient.reference([g, x, o!, lse!], attrs(1));
    let [error, norm] = [0, 0];
    for (const [i, value] of exact!.data.entries()) {
      error += (found.data[i]! - value) ** 2;
      norm += value ** 2;
    }
    return Math.sqrt(error / norm) <= LIMIT;
  });
}
