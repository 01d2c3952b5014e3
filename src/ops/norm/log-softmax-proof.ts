import type { NdArray } from "../../core/ndarray.ts";
import type { Proof } from "../../graph/op.ts";
import { boundLike, errorAt, gamma, TINY, U } from "../shared/rounding.ts";
import { logSoftmax as op } from "./log-softmax.ts";
import { expRowError, rowExpSum } from "./row-exp.ts";

const shapes = [
  [1, 1],
  [3, 5],
  [17, 10],
  [4, 200],
  [3, 260],
  [2, 302],
  [2, 1300],
] as const;

export const logSoftmax: Proof<null> = {
  bound([x], [ex], [y]) {
    const [M, N] = x!.shape as readonly [number, number];
    const out = boundLike(y!);
    for (let row = 0; row < M; row++) {
      const { top, sum } = rowExpSum(x!, row);
      const log = Math.log(sum);
      // log is within 2^-21 absolutely in [0.5, 2] and 3 ulp elsewhere.
      const shared = expRowError(x!, ex ?? null, row).sum + 2 ** -21 + 6 * U * log;
      for (let j = row * N; j < row * N + N; j++) {
        const distance = Math.abs(x!.data[j]! - top);
        out.data[j] = shared + errorAt(ex, j) + 3 * U * (distance + log);
      }
    }
    return [out];
  },
  cases: shapes.map(([M, N]) => ({
    name: `${M}x${N}`,
    inputs: [{ shape: [M, N], dtype: "f32", scale: 3 }],
    attrs: null,
  })),
};

export const logSoftmaxGradient: Proof<null> = {
  bound([dy, y], [edy, ey], [dx]) {
    const [M, N] = y!.shape as readonly [number, number];
    const out = boundLike(dx!);
    for (let row = 0; row < M; row++) {
      let [all, size, carried] = [0, 0, 0];
      for (let j = row * N; j < row * N + N; j++) {
        all += dy!.data[j]!;
        size += Math.abs(dy!.data[j]!);
        carried += errorAt(edy, j);
      }
      const eAll = carried + gamma(N + 2) * (size + carried);
      for (let j = row * N; j < row * N + N; j++) {
        const p = Math.exp(y!.data[j]!);
        // exp is within 3 + 2 |x| ulp, and an ulp is at most 2 U.
        const ep = p * (Math.expm1(errorAt(ey, j)) + 2 * (3 + 2 * Math.min(Math.abs(y!.data[j]!), 104)) * U) * 1.01;
        const product = (p + ep) * (Math.abs(all) + eAll);
        const moved = ep * Math.abs(all) + (p + ep) * eAll;
        out.data[j] = errorAt(edy, j) + moved + 3 * U * (Math.abs(dy!.data[j]!) + product) + TINY * (1 + Math.abs(all));
      }
    }
    return [out];
  },
  cases: shapes.map(([M, N]) => ({
    name: `${M}x${N}`,
    inputs: [
      { shape: [M, N], dtype: "f32" },
      { shape: [M, N], dtype: "f32", scale: 3, through: (x: NdArray) => op.reference([x], null)[0]! },
    ],
    attrs: null,
  })),
};
