import { at, begin, int } from "./core";
import { KC, MR, NR, packPanel, tile } from "./panels";

/**
 * (a, b, c, panels, M, N, K, am, ak, bn, bk, count, aStep, bStep, room): `count` products, c[i] [M, N] = the sum over k of
 * a[i aStep + m am + k ak] b[i bStep + n bn + k bk], both operands packed in panels first. Parts are products; each has
 * `room` elements of panels to itself, those of A first, in as many rows as make whole panels of twelve.
 */
export function batchedProduct(call: usize, part: i32, parts: i32): void {
  const M = int(call, 4);
  const N = int(call, 5);
  const K = int(call, 6);
  const panelsA = at(call, 3) + (<usize>(part * int(call, 14)) << 2);
  const panelsB = panelsA + (<usize>((M + 11) / 12 * 12 * K) << 2);
  const first = begin(int(call, 11), part, parts, 1);
  const end = begin(int(call, 11), part + 1, parts, 1);
  for (let i = first; i < end; i++) {
    // One matrix for all is packed once.
    if (i == first || int(call, 12) != 0) {
      const a = at(call, 0) + (<usize>(i * int(call, 12)) << 2);
      for (let p = 0; p < (M + MR - 1) / MR; p++) packPanel(a, panelsA, M, K, at(call, 7) << 2, at(call, 8) << 2, p, MR);
    }
    if (i == first || int(call, 13) != 0) {
      const b = at(call, 1) + (<usize>(i * int(call, 13)) << 2);
      for (let p = 0; p < (N + NR - 1) / NR; p++) packPanel(b, panelsB, N, K, at(call, 9) << 2, at(call, 10) << 2, p, NR);
    }
    product(panelsA, panelsB, at(call, 2) + (<usize>(i * M * N) << 2), M, N, K);
  }
}

function product(panelsA: usize, panelsB: usize, c: usize, M: i32, N: i32, K: i32): void {
  const stride = <usize>N << 2;
  for (let k = 0; k < K; k += KC) {
    const depth = min(KC, K - k);
    for (let n = 0; n < N; n += NR) {
      const pb = panelsB + (<usize>(n * K + k * NR) << 2);
      for (let m = 0; m < M; m += MR) {
        const pa = panelsA + (<usize>(m * K + k * MR) << 2);
        tile(pa, pb, c + <usize>m * stride + (<usize>n << 2), stride, depth, min(MR, M - m), min(NR, N - n), k == 0);
      }
    }
  }
}
