import type { Proof } from "../../graph/op.ts";
import { boundLike, errorAt, gamma, TINY, U } from "../shared/rounding.ts";

export const addBias: Proof<null> = {
  bound([, b], [ex, eb], [y]) {
    const out = boundLike(y!);
    const N = b!.data.length;
    for (let i = 0; i < out.data.length; i++) {
      out.data[i] = errorAt(ex, i) + errorAt(eb, i % N) + 2 * U * Math.abs(y!.data[i]!) + TINY;
    }
    return [out];
  },
  cases: [
    [1, 1],
    [3, 7],
    [65, 33],
    [65, 36],
  ].map(([M, N]) => ({
    name: `${M}x${N}`,
    inputs: [
      { shape: [M!, N!], dtype: "f32" as const },
      { shape: [N!], dtype: "f32" as const },
    ],
    attrs: null,
  })),
};

export const sumRows: Proof<null> = {
  bound([x], [ex], [y]) {
    const [M, N] = x!.shape as readonly [number, number];
    const out = boundLike(y!);
    for (let n = 0; n < N; n++) {
      let sum = 0;
      let carried = 0;
      for (let m = 0; m < M; m++) {
        sum += Math.abs(x!.data[m * N + n]!);
        carried += errorAt(ex, m * N + n);
      }
      out.data[n] = carried + gamma(M + 1) * (sum + carried) + M * TINY;
    }
    return [out];
  },
  cases: [
    [1, 1],
    [7, 3],
    [64, 33],
    [1000, 5],
    [17, 300],
    [4100, 5],
    [4100, 8],
  ].map(([M, N]) => ({ name: `${M}x${N}`, inputs: [{ shape: [M!, N!], dtype: "f32" as const }], attrs: null })),
};
