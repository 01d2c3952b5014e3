import { at, begin, int, madd } from "./core";
import { turn } from "./turn";

/**
 * Large products: both operands are first laid out in panels, so that the inner loop reads straight on. A is packed as
 * [M / MR][K][MR], B as [N / NR][K][NR], with zeros where the edge cuts a panel. Where multiply-add is one instruction,
 * 6 x 8 results, two vectors of B and one of A fill the fifteen registers that engines leave to a loop on x86-64; where
 * it is two, the product between them wants registers too, and 4 x 8 is faster.
 */
export const MR: i32 = ASC_FEATURE_RELAXED_SIMD ? 6 : 4;
export const NR: i32 = 8;
/** Steps of k after which results go to memory: a panel of B of this length stays in the first cache. */
export const KC: i32 = 256;

/** (x, panels, outer, K, so, sk): panels of MR, of element (o, k) at x[o so + k sk]. Parts are panels. */
export function packA(call: usize, part: i32, parts: i32): void {
  const count = (int(call, 2) + MR - 1) / MR;
  const end = begin(count, part + 1, parts, 1);
  for (let p = begin(count, part, parts, 1); p < end; p++) packOf(call, p, MR);
}

/** As packA, in panels of NR. */
export function packB(call: usize, part: i32, parts: i32): void {
  const count = (int(call, 2) + NR - 1) / NR;
  const end = begin(count, part + 1, parts, 1);
  for (let p = begin(count, part, parts, 1); p < end; p++) packOf(call, p, NR);
}

// @ts-ignore: decorator
@inline
function packOf(call: usize, panel: i32, width: i32): void {
  packPanel(at(call, 0), at(call, 1), int(call, 2), int(call, 3), at(call, 4) << 2, at(call, 5) << 2, panel, width);
}

/** Panel `panel` of operand `x0` to where it belongs behind `panels`; (so, sk) in bytes. */
// @ts-ignore: decorator
@inline
export function packPanel(x0: usize, panels: usize, outer: i32, K: i32, so: usize, sk: usize, panel: i32, width: i32): void {
  const first = panel * width;
  const x = x0 + <usize>first * so;
  const out = panels + (<usize>(first * K) << 2);
  const step = <usize>width << 2;
  if (first + width > outer) packEdge(x, out, outer - first, width, K, so, sk);
  else if (so == 4) {
    for (let k = 0; k < K; k++) {
      const from = x + <usize>k * sk;
      const to = out + <usize>k * step;
      v128.store(to, v128.load(from));
      if (width == 8) v128.store(to, v128.load(from, 16), 16);
      else if (width == 6) store<u64>(to, load<u64>(from, 16), 16);
    }
  } else {
    let k = 0;
    for (; k + 4 <= K; k += 4) {
      const from = x + (<usize>k << 2);
      const to = out + <usize>k * step;
      turn(from, so, to, step);
      if (width == 8) turn(from + 4 * so, so, to + 16, step);
      else if (width == 6) {
        const r4 = v128.load(from + 4 * so);
        const r5 = v128.load(from + 5 * so);
        const low = i32x4.shuffle(r4, r5, 0, 4, 1, 5);
        const high = i32x4.shuffle(r4, r5, 2, 6, 3, 7);
        v128.store_lane<u64>(to + 16, low, 0);
        v128.store_lane<u64>(to + 16 + step, low, 1);
        v128.store_lane<u64>(to + 16 + 2 * step, high, 0);
        v128.store_lane<u64>(to + 16 + 3 * step, high, 1);
      }
    }
    if (k < K) packEdge(x + (<usize>k << 2), out + <usize>k * step, width, width, K - k, so, sk);
  }
}

/** `rows` of `width` filled, the rest zeros. */
function packEdge(x: usize, out: usize, rows: i32, width: i32, K: i32, so: usize, sk: usize): void {
  for (let k = 0; k < K; k++) {
    for (let i = 0; i < width; i++) {
      const v = i < rows ? load<f32>(x + <usize>i * so + <usize>k * sk) : 0;
      store<f32>(out + (<usize>(k * width + i) << 2), v);
    }
  }
}

/** (panels of A, panels of B, c, M, N, K, MC, NC): c [M, N]. Parts are tiles of MC x NC, row by row. */
export function multiply(call: usize, part: i32, _parts: i32): void {
  const M = int(call, 3);
  const N = int(call, 4);
  const K = int(call, 5);
  const across = (N + int(call, 7) - 1) / int(call, 7);
  const m0 = (part / across) * int(call, 6);
  const n0 = (part % across) * int(call, 7);
  const m1 = min(M, m0 + int(call, 6));
  const n1 = min(N, n0 + int(call, 7));
  const stride = <usize>N << 2;
  for (let k = 0; k < K; k += KC) {
    const depth = min(KC, K - k);
    for (let n = n0; n < n1; n += NR) {
      const pb = at(call, 1) + (<usize>(n * K + k * NR) << 2);
      for (let m = m0; m < m1; m += MR) {
        const pa = at(call, 0) + (<usize>(m * K + k * MR) << 2);
        const c = at(call, 2) + <usize>m * stride + (<usize>n << 2);
        tile(pa, pb, c, stride, depth, min(MR, M - m), min(NR, N - n), k == 0);
      }
    }
  }
}

/** Adds depth products to a tile of c, or begins it. */
export function tile(pa: usize, pb: usize, c: usize, stride: usize, depth: i32, rows: i32, columns: i32, fresh: bool): void {
  let c00 = f32x4.splat(0), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00;
  let c30 = c00, c31 = c00, c40 = c00, c41 = c00, c50 = c00, c51 = c00;
  for (let k = 0; k < depth; k++) {
    const b0 = v128.load(pb);
    const b1 = v128.load(pb, 16);
    let a = v128.load32_splat(pa);
    c00 = madd(a, b0, c00);
    c01 = madd(a, b1, c01);
    a = v128.load32_splat(pa, 4);
    c10 = madd(a, b0, c10);
    c11 = madd(a, b1, c11);
    a = v128.load32_splat(pa, 8);
    c20 = madd(a, b0, c20);
    c21 = madd(a, b1, c21);
    a = v128.load32_splat(pa, 12);
    c30 = madd(a, b0, c30);
    c31 = madd(a, b1, c31);
    if (MR == 6) {
      a = v128.load32_splat(pa, 16);
      c40 = madd(a, b0, c40);
      c41 = madd(a, b1, c41);
      a = v128.load32_splat(pa, 20);
      c50 = madd(a, b0, c50);
      c51 = madd(a, b1, c51);
    }
    pa += MR << 2;
    pb += NR << 2;
  }
  line(c, c00, c01, columns, fresh);
  if (rows > 1) line(c + stride, c10, c11, columns, fresh);
  if (rows > 2) line(c + 2 * stride, c20, c21, columns, fresh);
  if (rows > 3) line(c + 3 * stride, c30, c31, columns, fresh);
  if (MR == 6 && rows > 4) line(c + 4 * stride, c40, c41, columns, fresh);
  if (MR == 6 && rows > 5) line(c + 5 * stride, c50, c51, columns, fresh);
}

function line(c: usize, low: v128, high: v128, columns: i32, fresh: bool): void {
  if (columns == NR) {
    v128.store(c, fresh ? low : f32x4.add(v128.load(c), low));
    v128.store(c, fresh ? high : f32x4.add(v128.load(c, 16), high), 16);
    return;
  }
  for (let n = 0; n < columns; n++) {
    const v = n < 4 ? low : high;
    // The wanted lane comes to the front by one rotation a turn.
    const p = c + (<usize>n << 2);
    const x = f32x4.extract_lane(v, 0);
    store<f32>(p, fresh ? x : load<f32>(p) + x);
    if (n < 4) low = i32x4.shuffle(low, low, 1, 2, 3, 0);
    else high = i32x4.shuffle(high, high, 1, 2, 3, 0);
  }
}
