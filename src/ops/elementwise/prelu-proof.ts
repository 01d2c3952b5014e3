import type { OpCase, Proof } from "../../graph/op.ts";
import { boundLike, errorAt, TINY, U } from "../shared/rounding.ts";
import { slopeAt } from "./prelu.ts";

export const prelu: Proof<null> = {
  bound([x, slopes], [ex, es], [y]) {
    const out = boundLike(y!);
    for (let i = 0; i < out.data.length; i++) {
      const k = slopeAt(x!, slopes!, i);
      const steepest = Math.max(1, Math.abs(slopes!.data[k]!) + errorAt(es, k));
      const below = Math.max(errorAt(ex, i) - x!.data[i]!, 0);
      out.data[i] =
        steepest * errorAt(ex, i) + errorAt(es, k) * below + 2 * U * steepest * below + TINY * (1 + steepest);
    }
    return [out];
  },
  cases: cases((shape, c) => [
    { shape, dtype: "f32" },
    { shape: [c], dtype: "f32" },
  ]),
};

export const preluGradient: Proof<null> = {
  bound([dy, x, slopes], [edy, ex, es], [dx]) {
    const out = boundLike(dx!);
    for (let i = 0; i < out.data.length; i++) {
      const k = slopeAt(x!, slopes!, i);
      const [v, slope] = [x!.data[i]!, slopes!.data[k]!];
      // Where the sign is not certain either slope is right; a device may take a subnormal for 0.
      const unsure = Math.abs(v) <= errorAt(ex, i) || Math.abs(v) < TINY;
      const moved = (unsure ? Math.abs(1 - slope) : 0) + (unsure || v <= 0 ? errorAt(es, k) : 0);
      const used = (v > 0 ? 1 : Math.abs(slope)) + moved;
      const g = Math.abs(dy!.data[i]!);
      out.data[i] = g * moved + errorAt(edy, i) * used + 2 * U * (g + errorAt(edy, i)) * used + TINY * (1 + g);
    }
    return [out];
  },
  cases: cases((shape, c) => [
    { shape, dtype: "f32" },
    { shape, dtype: "f32" },
    { shape: [c], dtype: "f32" },
  ]),
};

export const preluTerms: Proof<null> = {
  bound([dy, x], [edy, ex], [terms]) {
    const out = boundLike(terms!);
    for (let i = 0; i < out.data.length; i++) {
      const e = Math.abs(x!.data[i]!) <= errorAt(ex, i) || x!.data[i]! <= 0 ? errorAt(ex, i) : 0;
      const size = Math.max(-x!.data[i]!, 0) + e;
      const g = Math.abs(dy!.data[i]!);
      out.data[i] = g * e + errorAt(edy, i) * size + 2 * U * (g + errorAt(edy, i)) * size + TINY * (1 + g + size);
    }
    return [out];
  },
  cases: cases((shape) => [
    { shape, dtype: "f32" },
    { shape, dtype: "f32" },
  ]),
};

function cases(inputs: (shape: readonly number[], c: number) => OpCase<null>["inputs"]): readonly OpCase<null>[] {
  return (
    [
      [[1], 1],
      [[7, 3], 1],
      [[7, 3], 3],
      [[2, 5, 6], 5],
      [[3, 4, 5, 7], 4],
      [[3, 5, 4, 7], 5],
      [[3, 4, 5, 7], 1],
      [[40, 3, 31, 11], 3],
    ] as const
  ).map(([shape, c]) => ({ name: `${shape.join("x")}, ${c}`, inputs: inputs(shape, c), attrs: null }));
}
