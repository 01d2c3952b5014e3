import { expect, test } from "vitest";
import { headWeights } from "../../src/app/worker/head-weights.ts";
import { ndarray } from "../../src/core/ndarray.ts";
import { philox } from "../../src/core/philox.ts";

/** softmax(q k^T / sqrt(d)) of one head, as a textbook has it; what comes later is masked where `causal`. */
function textbook(q: number[][], k: number[][], causal: boolean): number[][] {
  const scale = Math.sqrt(q[0]!.length);
  return q.map((query, i) => {
    const powers = k.map((key, j) =>
      causal && j > i ? 0 : Math.exp(query.reduce((sum, v, c) => sum + v * key[c]!, 0) / scale),
    );
    const sum = powers.reduce((a, b) => a + b, 0);
    return powers.map((p) => p / sum);
  });
}

test.each([
  { heads: 4, keyHeads: 4, causal: true },
  { heads: 4, keyHeads: 2, causal: true },
  { heads: 3, keyHeads: 1, causal: false },
])("what heads look at is softmax of queries and keys: %o", ({ heads, keyHeads, causal }) => {
  const [t, d] = [7, 5];
  const width = (heads + 2 * keyHeads) * d;
  const words = new Uint32Array(4);
  const data = Float32Array.from({ length: t * width }, (_, i) => {
    philox(i, 0, 0, 0, 9, 0, words);
    return (4 * words[0]!) / 2 ** 32 - 2;
  });
  const attrs = { heads, keyHeads, causal, lengths: false, dropout: null };
  const part = (from: number): number[][] =>
    Array.from({ length: t }, (_, i) => Array.from(data.subarray(i * width + from, i * width + from + d)));
  const found = headWeights(ndarray([1, t, width], "f32", data), attrs, t);
  expect(found.length).toBe(heads);
  for (const [h, weights] of found.entries()) {
    const wanted = textbook(part(h * d), part((heads + Math.floor((h * keyHeads) / heads)) * d), causal).flat();
    wanted.forEach((w, i) => {
      expect(weights[i]!).toBeCloseTo(w, 6);
    });
  }
  // Of the first steps alone, where that is all that was typed.
  if (causal)
    expect([...headWeights(ndarray([1, t, width], "f32", data), attrs, 2)[0]!]).toEqual(
      [0, 1, t, t + 1].map((i) => found[0]![i]),
    );
});
