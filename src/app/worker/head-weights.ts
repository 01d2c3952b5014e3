import type { NdArray } from "../../core/ndarray.ts";
import { type AttentionAttrs, attentionDims } from "../../ops/attention/geometry.ts";
import { eachQuery, logSumExp, scoresOf } from "../../ops/attention/rows.ts";

/**
 * Weights [count, count] of every head of a row's attention over its first `count` steps, from queries, keys and values as
 * they lie side by side: the op keeps none.
 */
export function headWeights(qkv: NdArray, given: AttentionAttrs, count: number): readonly Float32Array[] {
  const attrs = { ...given, dropout: null };
  const dims = attentionDims(qkv, attrs);
  const { t, heads } = dims;
  const all = Array.from({ length: heads }, () => new Float32Array(count * count));
  eachQuery(dims, attrs, { lengths: null, cursor: null }, (r) => {
    const [head, i] = [Math.floor(r.row / t), r.row % t];
    if (i >= count) return;
    const scores = scoresOf(dims, qkv.data, r);
    const log = logSumExp(scores);
    for (let j = 0; j < Math.min(r.seen, count); j++) all[head]![i * count + j] = Math.exp(scores[j]! - log);
  });
  return all;
}
