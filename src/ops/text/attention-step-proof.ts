import { type NdArray, ndarray } from "../../core/ndarray.ts";
import type { CaseInput, OpCase, Proof } from "../../graph/op.ts";
import { attention } from "../attention/attention.ts";
import { attention as attentionProof } from "../attention/attention-proof.ts";
import { type AttentionAttrs, attentionDims } from "../attention/geometry.ts";
import { boundLike, errorAt, movedErrors } from "../shared/rounding.ts";

/**
 * The step is the last query of attention over the steps up to it, and its bound that one's, which allows for more: a maximum
 * that is found on the way, to which sums are scaled again.
 */
export const attentionStep: Proof<AttentionAttrs> = {
  async bound([qkv, past, position], [eq, ep], [o, kept], attrs) {
    const { width, heads, d } = attentionDims(qkv!, attrs);
    const at = position!.data[0]!;
    const upTo = (before: (i: number) => number, now: (i: number) => number): NdArray => {
      const values = Float64Array.from({ length: (at + 1) * width }, (_, i) =>
        i < at * width ? before(i) : now(i - at * width),
      );
      return ndarray([1, at + 1, width], "f64", values);
    };
    const x = upTo(
      (i) => past!.data[i]!,
      (i) => qkv!.data[i]!,
    );
    const errors = upTo(
      (i) => errorAt(ep, i),
      (i) => errorAt(eq, i),
    );
    const causal = { ...attrs, causal: true };
    const [all] = await attentionProof.bound!([x], [errors], attention.reference([x], causal), causal);
    const own = boundLike(o!);
    own.data.set(all!.data.subarray(at * heads * d));
    const isNow = (i: number): boolean => Math.floor(i / width) === at;
    return [own, movedErrors(kept!, (i) => (isNow(i) ? errorAt(eq, i - at * width) : errorAt(ep, i)))];
  },
  cases: [
    stepCase({ position: 0, steps: 1, d: 1 }),
    stepCase({ position: 0, steps: 4, heads: 2, d: 3 }),
    stepCase({ position: 4, steps: 5, heads: 2, d: 4 }),
    stepCase({ position: 6, steps: 9, heads: 6, keyHeads: 2, d: 5 }),
    stepCase({ position: 100, steps: 130, heads: 2, keyHeads: 1, d: 8 }),
    stepCase({ position: 69, steps: 70, heads: 3, d: 70 }),
    // Scores whose exponentials f32 does not hold.
    stepCase({ position: 17, steps: 32, heads: 2, d: 4, scale: 12 }),
  ],
};

function stepCase(given: {
  readonly position: number;
  readonly steps: number;
  readonly heads?: number;
  readonly keyHeads?: number;
  readonly d: number;
  readonly scale?: number;
}): OpCase<AttentionAttrs> {
  const { position, steps, heads = 1, keyHeads = heads, d, scale = 1 } = given;
  const width = (heads + 2 * keyHeads) * d;
  const numbers = (shape: readonly number[]): CaseInput => ({ shape, dtype: "f32", scale });
  return {
    name: `step ${position} of ${steps}, ${heads} heads of ${d} by ${keyHeads}${scale === 1 ? "" : ", large scores"}`,
    inputs: [numbers([1, 1, width]), numbers([steps, width]), { shape: [1], dtype: "i32", fill: [position] }],
    attrs: { heads, keyHeads, causal: true, lengths: false, dropout: null },
  };
}
