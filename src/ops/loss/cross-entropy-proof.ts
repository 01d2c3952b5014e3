import type { OpCase, Proof } from "../../graph/op.ts";
import { expRowError, rowExpSum } from "../norm/row-exp.ts";
import { boundLike, errorAt, gamma, TINY, U } from "../shared/rounding.ts";

export const crossEntropy: Proof<null> = {
  bound([x, labels], [ex], [y]) {
    const [M, N] = x!.shape as readonly [number, number];
    const out = boundLike(y!);
    let bound = 0;
    let size = 0;
    for (let row = 0; row < M; row++) {
      const { top, sum } = rowExpSum(x!, row);
      const label = row * N + labels!.data[row]!;
      const d = Math.abs(x!.data[label]! - top);
      const relative = expRowError(x!, ex ?? null, row).sum;
      // log is within 2^-21 absolutely in [0.5, 2] and 3 ulp elsewhere.
      bound += relative + 2 ** -21 + 6 * U * Math.log(sum) + errorAt(ex, label) + 3 * U * (d + Math.log(sum));
      size += Math.log(sum) + d;
    }
    out.data[0] = (bound + gamma(M + 3) * size) / M;
    return [out];
  },
  cases: lossCases().map((c) => ({ ...c, inputs: c.inputs.slice(0, 2) })),
};

export const crossEntropyGradient: Proof<null> = {
  bound([x, labels, dloss], [ex, , edloss], [dx]) {
    const [M, N] = x!.shape as readonly [number, number];
    const out = boundLike(dx!);
    const scale = Math.abs(dloss!.data[0]!) / M;
    const eScale = errorAt(edloss, 0) / M + 3 * U * scale;
    for (let row = 0; row < M; row++) {
      const { top, sum } = rowExpSum(x!, row);
      const error = expRowError(x!, ex ?? null, row);
      for (let j = 0; j < N; j++) {
        const p = Math.exp(x!.data[row * N + j]! - top) / sum;
        const value = Math.abs(p - (j === labels!.data[row] ? 1 : 0));
        const e = p * (error.term(j) + error.sum + 6 * U) * 1.01 + U * value + TINY;
        out.data[row * N + j] = e * (scale + eScale) + value * eScale + TINY;
      }
    }
    return [out];
  },
  cases: lossCases(),
};

export const crossEntropyWithGradient: Pick<Proof<null>, "cases"> = {
  cases: lossCases(),
};

function lossCases(): readonly OpCase<null>[] {
  return [
    [1, 2],
    [3, 5],
    [17, 10],
    [130, 3],
    [4, 200],
    [3, 260],
  ].map(([M, N]) => ({
    name: `${M}x${N}`,
    inputs: [
      { shape: [M!, N!], dtype: "f32", scale: 3 },
      { shape: [M!], dtype: "i32", fill: "classes", below: N! },
      { shape: [1], dtype: "f32", fill: [1.25] },
    ],
    attrs: null,
  }));
}
