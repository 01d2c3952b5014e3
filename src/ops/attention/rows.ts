import type { NdArray } from "../../core/ndarray.ts";
import { philox } from "../../core/philox.ts";
import { streamOf, threshold } from "../elementwise/dropout.ts";
import { type AttentionAttrs, type AttentionDims, keysSeen, placesOf, wordsOf } from "./geometry.ts";

/** One query of one head, as the plain loops see it. */
export interface AttentionRow {
  /** Its number among all, [n, heads, t]. */
  readonly row: number;
  /** Where in qkv its query, and the keys and values of step 0, begin; where in o. */
  readonly q: number;
  readonly k: number;
  readonly v: number;
  readonly o: number;
  /** Keys that it sees, from step 0 on. */
  readonly seen: number;
  /** What dropout makes of each weight: 0, or 1 / (1 - p); 1 without dropout. */
  readonly kept: ArrayLike<number>;
}

/** `body` for every query, row by row and head by head. */
export function eachQuery(
  dims: AttentionDims,
  { causal, dropout }: AttentionAttrs,
  { lengths, cursor }: { readonly lengths: NdArray | null; readonly cursor: NdArray | null },
  body: (row: AttentionRow) => void,
): void {
  const { n, t, heads, d, width } = dims;
  const kept = new Float64Array(t).fill(1);
  const words = new Uint32Array(4);
  for (let b = 0; b < n; b++) {
    for (let h = 0; h < heads; h++) {
      const at = placesOf(dims, b, h);
      for (let i = 0; i < t; i++) {
        const row = (b * heads + h) * t + i;
        const seen = keysSeen(i, t, causal, lengths?.data[b]);
        if (dropout) {
          const { p, seed, layer } = dropout;
          for (let j = 0; j < seen; j++) {
            const element = row * wordsOf(t) + j;
            if ((j & 3) === 0) {
              philox(Math.floor(element / 4), cursor!.data[0]!, streamOf(layer), 0, seed >>> 0, 0, words);
            }
            kept[j] = words[j & 3]! >= threshold(p) ? 1 / (1 - p) : 0;
          }
        }
        body({ row, q: at.q + i * width, k: at.k, v: at.v, o: (b * t + i) * heads * d + h * d, seen, kept });
      }
    }
  }
}

/** Sum of `count` products. */
export function dot(a: ArrayLike<number>, i: number, b: ArrayLike<number>, j: number, count: number): number {
  let sum = 0;
  for (let c = 0; c < count; c++) sum += a[i + c]! * b[j + c]!;
  return sum;
}

/** Scores of a query with the keys that it sees. */
export function scoresOf({ d, width, scale }: AttentionDims, x: ArrayLike<number>, r: AttentionRow): Float64Array {
  return Float64Array.from({ length: r.seen }, (_, j) => scale * dot(x, r.q, x, r.k + j * width, d));
}

/** log of the sum of exp; 0 of nothing. */
export function logSumExp(scores: Float64Array): number {
  if (scores.length === 0) return 0;
  const top = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return top + Math.log(scores.reduce((sum, s) => sum + Math.exp(s - top), 0));
}
