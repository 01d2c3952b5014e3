import type { CaseInput, Proof } from "../../graph/op.ts";
import { boundLike, errorAt, gamma, movedErrors } from "../shared/rounding.ts";
import type { EmbeddingAttrs, EmbeddingGradientAttrs } from "./embedding.ts";

export const embedding: Proof<EmbeddingAttrs> = {
  bound([tokens, weight], [, eweight], [y]) {
    const width = weight!.shape[1]!;
    const source = (i: number): number => tokens!.data[Math.floor(i / width)]! * width + (i % width);
    return [movedErrors(y!, (i) => errorAt(eweight, source(i)))];
  },
  cases: settings().map(({ name, shape, vocabulary, size, paddingIndex, fill }) => ({
    name,
    inputs: [tokens(shape, vocabulary, fill), { shape: [vocabulary, size], dtype: "f32" }],
    attrs: { paddingIndex },
  })),
};

export const embeddingGradient: Proof<EmbeddingGradientAttrs> = {
  bound([dy, tokens], [edy], [dweight], { paddingIndex, vocabulary }) {
    const width = dy!.shape.at(-1)!;
    const counts = new Uint32Array(vocabulary);
    for (const token of tokens!.data) counts[token]!++;
    const out = boundLike(dweight!);
    tokens!.data.forEach((token, i) => {
      if (token === paddingIndex) return;
      // A sum of k terms rounds k - 1 times; a term alone is a copy.
      const rounding = gamma(counts[token]! - 1);
      for (let j = 0; j < width; j++) {
        const at = i * width + j;
        const error = errorAt(edy, at);
        out.data[token * width + j]! += error + rounding * (Math.abs(dy!.data[at]!) + error);
      }
    });
    return [out];
  },
  cases: settings().map(({ name, shape, vocabulary, size, paddingIndex, fill }) => ({
    name,
    inputs: [{ shape: [...shape, size], dtype: "f32" }, tokens(shape, vocabulary, fill)],
    attrs: { paddingIndex, vocabulary },
  })),
};

type Fill = Pick<CaseInput, "fill" | "below">;

function tokens(shape: readonly number[], below: number, fill: Fill = { fill: "classes", below }): CaseInput {
  return { shape, dtype: "i32", ...fill };
}

/** Tokens in large and small vocabularies; many of one, none of others, first and last; more than are sorted at once. */
function settings() {
  const spread = (n: number, of: (i: number) => number): Fill => ({ fill: Array.from({ length: n }, (_, i) => of(i)) });
  const one = { paddingIndex: null, fill: undefined as Fill | undefined };
  return [
    { ...one, name: "2x3 of 5", shape: [2, 3], vocabulary: 5, size: 4 },
    { ...one, name: "one of one", shape: [1, 1], vocabulary: 1, size: 1 },
    { ...one, name: "4x33 of 65, padding 0", shape: [4, 33], vocabulary: 65, size: 7, paddingIndex: 0 },
    { ...one, name: "3x100 of 2, padding last", shape: [3, 100], vocabulary: 2, size: 3, paddingIndex: 1 },
    { ...one, name: "5x103 of 300", shape: [5, 103], vocabulary: 300, size: 9 },
    { ...one, name: "5x33 of 40 by eights, padding 3", shape: [5, 33], vocabulary: 40, size: 8, paddingIndex: 3 },
    { ...one, name: "7x40 of 1000", shape: [7, 40], vocabulary: 1000, size: 2 },
    { ...one, name: "all the last of 513", shape: [2, 260], vocabulary: 513, size: 2, fill: spread(520, () => 512) },
    {
      ...one,
      name: "first and last by turns",
      shape: [9, 31],
      vocabulary: 256,
      size: 5,
      fill: spread(279, (i) => (i % 2) * 255),
    },
    {
      ...one,
      name: "descending",
      shape: [1, 300],
      vocabulary: 300,
      size: 1,
      fill: spread(300, (i) => 299 - i),
      paddingIndex: 17,
    },
  ];
}
