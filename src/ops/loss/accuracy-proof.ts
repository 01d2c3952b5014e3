import type { OpCase, Proof } from "../../graph/op.ts";
import { boundLike } from "../shared/rounding.ts";

export const countCorrect: Proof<null> = {
  bound: (_inputs, _errors, [y]) => [boundLike(y!)],
  cases: [
    ...[
      [5, 3],
      [300, 10],
    ].map(
      ([M, N]): OpCase<null> => ({
        name: `${M}x${N}`,
        inputs: [
          { shape: [M!, N!], dtype: "f32" },
          { shape: [M!], dtype: "i32", fill: "classes", below: N! },
        ],
        attrs: null,
      }),
    ),
    tied(21, 260),
    tied(20, 257),
    tied(9, 1),
  ],
};

/**
 * Rows whose largest logit stands in two places: neighbours, some apart, far apart, the last one among them. The label is the
 * first of them in six rows of seven, else the second; one row has none that counts.
 */
function tied(M: number, N: number): OpCase<null> {
  const x = Array.from({ length: M * N }, (_, i) => ((i * 31) % 7) - 5);
  const labels = Array.from({ length: M }, (_, row) => {
    const first = (row * 37) % N;
    const second = Math.min(N - 1, first + [1, 4, 64, N][row % 4]!);
    x[row * N + first] = 2;
    x[row * N + second] = 2;
    return row === 5 ? -100 : row % 7 === 3 ? second : first;
  });
  return {
    name: `${M}x${N}, ties`,
    inputs: [
      { shape: [M, N], dtype: "f32", fill: x },
      { shape: [M], dtype: "i32", fill: labels },
    ],
    attrs: null,
  };
}
