import type { NdArray } from "../../core/ndarray.ts";
import type { CaseInput, Errors, OpCase, Proof } from "../../graph/op.ts";
import { boundLike, errorAt, gamma, movedErrors, TINY, U } from "../shared/rounding.ts";
import type { RecurrentAttrs } from "./dims.ts";
import { lengthOf } from "./reference.ts";
import type { StepsAttrs } from "./steps.ts";

/** Rows, steps, values a step, and perhaps how many steps of each row count. */
const sizes: readonly (readonly [n: number, t: number, k: number, lengths?: readonly number[]])[] = [
  [1, 1, 1],
  [3, 4, 5],
  [2, 7, 130],
  [5, 4, 3, [4, 0, 1, 3, 2]],
  [70, 3, 8, Array.from({ length: 70 }, (_, i) => (i * 5) % 4)],
];

const cases = <A>(
  shape: (n: number, t: number, k: number) => readonly number[],
  attrs: (t: number) => A,
): readonly OpCase<A>[] =>
  sizes.map(([n, t, k, lengths]) => {
    const given: readonly CaseInput[] = lengths ? [{ shape: [n], dtype: "i32", fill: lengths }] : [];
    const name = `${n}x${t}x${k}${lengths ? ", lengths" : ""}`;
    return { name, inputs: [{ shape: shape(n, t, k), dtype: "f32" }, ...given], attrs: attrs(t) };
  });

export const previousSteps: Proof<RecurrentAttrs> = {
  bound([x], [ex], [y], { reverse }) {
    const [, steps, k] = x!.shape as readonly [number, number, number];
    const edge = reverse ? steps - 1 : 0;
    const from = (i: number): number => i + (reverse ? k : -k);
    return [movedErrors(y!, (i) => (Math.floor(i / k) % steps === edge ? 0 : errorAt(ex, from(i))))];
  },
  cases: [false, true].flatMap((reverse) =>
    sizes
      .filter(([, , , lengths]) => !lengths)
      .map(([n, t, k]) => ({
        name: `${n}x${t}x${k}${reverse ? ", reverse" : ""}`,
        inputs: [{ shape: [n, t, k], dtype: "f32" }],
        attrs: { reverse },
      })),
  ),
};

export const lastStep: Proof<null> = {
  bound([x, lengths], [ex], [y]) {
    const [, steps, k] = x!.shape as readonly [number, number, number];
    return [
      movedErrors(y!, (i) => {
        const row = Math.floor(i / k);
        const count = lengthOf(lengths, row, steps);
        return count === 0 ? 0 : errorAt(ex, (row * steps + count - 1) * k + (i % k));
      }),
    ];
  },
  cases: cases(
    (n, t, k) => [n, t, k],
    () => null,
  ),
};

export const meanSteps: Proof<null> = {
  bound([x, lengths], [ex], [y]) {
    const [rows, steps, k] = x!.shape as readonly [number, number, number];
    const out = boundLike(y!);
    for (let row = 0; row < rows; row++) {
      const count = lengthOf(lengths, row, steps);
      for (let j = 0; j < k; j++) {
        let [size, e] = [0, 0];
        for (let t = 0; t < count; t++) {
          const i = (row * steps + t) * k + j;
          size += Math.abs(x!.data[i]!);
          e += errorAt(ex, i);
        }
        out.data[row * k + j] = (e + gamma(count + 4) * (size + e)) / Math.max(1, count) + TINY;
      }
    }
    return [out];
  },
  cases: cases(
    (n, t, k) => [n, t, k],
    () => null,
  ),
};

const gradientProof = (mean: boolean): Proof<StepsAttrs> => ({
  bound: ([dy, lengths]: readonly NdArray[], [edy]: Errors, [dx]: readonly NdArray[], { steps }) => {
    const k = dy!.shape[1]!;
    return [
      movedErrors(dx!, (i) => {
        const row = Math.floor(i / (k * steps));
        const t = Math.floor(i / k) % steps;
        const count = lengthOf(lengths, row, steps);
        const from = row * k + (i % k);
        if (t >= count || (!mean && t !== count - 1)) return 0;
        const e = errorAt(edy, from);
        return mean ? (e + 4 * U * (Math.abs(dy!.data[from]!) + e)) / count + TINY : e;
      }),
    ];
  },
  cases: cases(
    (n, _t, k) => [n, k],
    (steps) => ({ steps }),
  ),
});

export const lastStepGradient = gradientProof(false);
export const meanStepsGradient = gradientProof(true);
