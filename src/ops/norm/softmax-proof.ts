import type { NdArray } from "../../core/ndarray.ts";
import type { Proof } from "../../graph/op.ts";
import { boundLike, errorAt, gamma, TINY, U } from "../shared/rounding.ts";
import { expRowError } from "./row-exp.ts";
import { softmax as op } from "./softmax.ts";

export const softmax: Proof<null> = {
  bound([x], [ex], [y]) {
    const [M, N] = x!.shape as readonly [number, number];
    const out = boundLike(y!);
    for (let row = 0; row < M; row++) {
      const { term, sum } = expRowError(x!, ex ?? null, row);
      for (let j = 0; j < N; j++) out.data[row * N + j] = y!.data[row * N + j]! * (term(j) + sum + 6 * U) * 1.01 + TINY;
    }
    return [out];
  },
  cases: [
    [1, 1],
    [3, 5],
    [17, 10],
    [4, 200],
    [3, 260],
    [2, 302],
    [2, 1300],
  ].map(([M, N]) => ({
    name: `${M}x${N}`,
    inputs: [{ shape: [M!, N!], dtype: "f32" as const, scale: 3 }],
    attrs: null,
  })),
};

export const softmaxGradient: Proof<null> = {
  bound([dy, y], [edy, ey], [dx]) {
    const [M, N] = y!.shape as readonly [number, number];
    const out = boundLike(dx!);
    for (let row = 0; row < M; row++) {
      let dot = 0;
      let size = 0;
      let carried = 0;
      for (let j = row * N; j < row * N + N; j++) {
        const g = Math.abs(dy!.data[j]!);
        const p = Math.abs(y!.data[j]!);
        dot += dy!.data[j]! * y!.data[j]!;
        size += g * p;
        carried += errorAt(edy, j) * p + g * errorAt(ey, j) + errorAt(edy, j) * errorAt(ey, j);
      }
      const eDot = carried + gamma(N + 2) * (size + carried);
      for (let j = row * N; j < row * N + N; j++) {
        const d = Math.abs(dy!.data[j]! - dot);
        const ed = errorAt(edy, j) + eDot + U * d;
        const p = Math.abs(y!.data[j]!);
        out.data[j] = p * ed + errorAt(ey, j) * (d + ed) + 2 * U * p * d + TINY * (1 + d);
      }
    }
    return [out];
  },
  cases: [
    [1, 1],
    [3, 5],
    [17, 10],
    [4, 200],
    [3, 260],
    [2, 302],
    [2, 1300],
  ].map(([M, N]) => ({
    name: `${M}x${N}`,
    inputs: [
      { shape: [M!, N!], dtype: "f32" as const },
      { shape: [M!, N!], dtype: "f32" as const, through: (x: NdArray) => op.reference([x], null)[0]! },
    ],
    attrs: null,
  })),
};
