import type { NdArray } from "../../core/ndarray.ts";
import type { OpCase, Proof } from "../../graph/op.ts";
import { expRowError, rowExpSum } from "../norm/row-exp.ts";
import { boundLike, errorAt, gamma, TINY, U } from "../shared/rounding.ts";
import { someCounted } from "./counted-cases.ts";
import type { WeightedAttrs } from "./weighted-cross-entropy.ts";

export const weightedCrossEntropy: Proof<WeightedAttrs> = {
  bound([x, labels, weights, sums], [ex, , ew, esums], [y], { smoothing }) {
    const [M, N] = x!.shape as readonly [number, number];
    let bound = 0;
    let size = 0;
    for (let row = 0; row < M; row++) {
      if (labels!.data[row]! < 0) continue;
      const { top, sum } = rowExpSum(x!, row);
      const relative = expRowError(x!, ex ?? null, row).sum;
      const add = (c: number, share: number): void => {
        const weight = weights!.data[c]!;
        const d = Math.abs(x!.data[row * N + c]! - top);
        const term = Math.log(sum) + d;
        // log is within 2^-21 absolutely in [0.5, 2] and 3 ulp elsewhere.
        const e = relative + 2 ** -21 + 6 * U * Math.log(sum) + errorAt(ex, row * N + c) + 3 * U * term;
        bound += share * (weight * e + errorAt(ew, c) * (term + e));
        size += share * weight * term;
      };
      add(labels!.data[row]!, 1 - smoothing);
      for (let c = 0; c < N; c++) add(c, smoothing / N);
    }
    const out = boundLike(y!);
    const total = sums!.data[0]!;
    const off = errorAt(esums, 0) / total;
    out.data[0] = (bound + gamma(M + N + 8) * size) / total + (1.01 * off * (size + bound)) / total;
    return [out];
  },
  cases: weightedCases().map((c) => ({ ...c, inputs: [...c.inputs.slice(0, 2), ...c.inputs.slice(3)] })),
};

export const weightedCrossEntropyGradient: Proof<WeightedAttrs> = {
  bound([x, labels, dloss, weights, sums], [ex, , edloss, ew, esums], [dx], { smoothing }) {
    const [M, N] = x!.shape as readonly [number, number];
    const out = boundLike(dx!);
    const [total, all] = sums!.data as unknown as readonly [number, number];
    const scale = Math.abs(dloss!.data[0]!) / total;
    const eScale = errorAt(edloss, 0) / total + (4 * U + (1.01 * errorAt(esums, 0)) / total) * scale;
    const share = smoothing / N;
    for (let row = 0; row < M; row++) {
      const label = labels!.data[row]!;
      if (label < 0) continue;
      const probability = probabilities(x!, ex ?? null, row);
      const own = (1 - smoothing) * weights!.data[label]!;
      const eOwn = errorAt(ew, label) + 3 * U * own;
      for (let j = 0; j < N; j++) {
        const { p, e } = probability(j);
        const weight = weights!.data[j]!;
        const pull = Math.abs(p - (j === label ? 1 : 0));
        const spread = share * (all * p + weight);
        const eSpread = share * (all * e + errorAt(esums, 1) * (p + e) + errorAt(ew, j)) + 5 * U * spread;
        const value = own * pull + spread;
        const eValue = own * (e + U * pull) + eOwn * (pull + e) + eSpread + 2 * U * value;
        out.data[row * N + j] = eValue * (scale + eScale) + value * eScale + TINY;
      }
    }
    return [out];
  },
  cases: weightedCases(),
};

export const weightedCrossEntropyWithGradient: Pick<Proof<WeightedAttrs>, "cases"> = {
  cases: weightedCases(),
};

/** p and its error bound, for each class of a row. */
function probabilities(x: NdArray, ex: NdArray | null, row: number) {
  const N = x.shape[1]!;
  const { top, sum } = rowExpSum(x, row);
  const error = expRowError(x, ex, row);
  return (j: number): { p: number; e: number } => {
    const p = Math.exp(x.data[row * N + j]! - top) / sum;
    return { p, e: p * (error.term(j) + error.sum + 6 * U) * 1.01 + TINY };
  };
}

function weightedCases(): readonly OpCase<WeightedAttrs>[] {
  return (
    [
      [1, 2, 0.1, "all"],
      [3, 5, 0, "all"],
      [17, 10, 0.2, "some"],
      [130, 3, 0.05, "all"],
      [4, 200, 0.5, "all"],
      [7, 180, 0.1, "some"],
      // Rows in slices: three and two, the last of them short.
      [3, 1027, 0.1, "some"],
      // By fours that are not whole within a row; the last slice of some of those has nothing of theirs.
      [4, 1031, 0.1, "some"],
      [2, 2046, 0.2, "all"],
      [4, 2047, 0, "some"],
      [2, 2060, 0.2, "all"],
    ] as const
  ).map(([M, N, smoothing, counted]) => ({
    name: `${M}x${N}, smoothing ${smoothing}${counted === "all" ? "" : ", some not counted"}`,
    inputs: [
      { shape: [M, N], dtype: "f32", scale: 3 },
      counted === "all" ? { shape: [M], dtype: "i32", fill: "classes", below: N } : someCounted(M, N),
      { shape: [1], dtype: "f32", fill: [1.25] },
      { shape: [N], dtype: "f32", fill: "positive", scale: 3 },
      { shape: [2], dtype: "f32", fill: [1.5 * M, 1.5 * N] },
    ],
    attrs: { smoothing },
  }));
}
