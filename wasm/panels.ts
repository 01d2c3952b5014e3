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

/**
 * (a, panels of B, c, M, N, K, MC, NC, am, bias): c [M, N], and where bias [N] is not 0 its sum with every row. `a` is panels where
 * am is 0, else rows `am` apart. Parts are tiles of MC x NC, row by row.
 */
export function multiply(call: usize, part: i32, _parts: i32): void {
  const M = int(call, 3);
  const N = int(call, 4);
  const K = int(call, 5);
  const packed = int(call, 8) == 0;
  const am = (packed ? <usize>K : at(call, 8)) << 2;
  const ak: usize = packed ? MR << 2 : 4;
  const across = (N + int(call, 7) - 1) / int(call, 7);
  const m0 = (part / across) * int(call, 6);
  const n0 = (part % across) * int(call, 7);
  const m1 = min(M, m0 + int(call, 6));
  const n1 = min(N, n0 + int(call, 7));
  const stride = <usize>N << 2;
  for (let k = 0; k < K; k += KC) {
    const depth = min(KC, K - k);
    const last = at(call, 9) != 0 && k + depth == K;
    for (let n = n0; n < n1; n += NR) {
      const pb = at(call, 1) + (<usize>(n * K + k * NR) << 2);
      const bias = last ? at(call, 9) + (<usize>n << 2) : 0;
      for (let m = m0; m < m1; m += MR) {
        const pa = at(call, 0) + <usize>m * am + <usize>k * ak;
        const c = at(call, 2) + <usize>m * stride + (<usize>n << 2);
        if (!packed) rowsTile(pa, am, pb, c, stride, depth, min(MR, M - m), min(NR, N - n), k == 0, bias);
        else tile(pa, pb, c, stride, depth, min(MR, M - m), min(NR, N - n), k == 0, bias);
      }
    }
  }
}

/** Adds depth products to a tile of c, or begins it, and adds what lies at `bias` where that is not 0. Both operands are panels. */
export function tile(
  a: usize, pb: usize, c: usize, stride: usize, depth: i32, rows: i32, columns: i32, fresh: bool, bias: usize,
): void {
  eachTile<i32>(a, 0, 0, 0, 0, 0, MR << 2, pb, c, stride, depth, rows, columns, fresh, bias);
}

/** The same of rows of a that lie `ar` bytes apart. */
function rowsTile(
  a: usize, ar: usize, pb: usize, c: usize, stride: usize, depth: i32, rows: i32, columns: i32, fresh: bool, bias: usize,
): void {
  // Behind the last row it is computed again.
  const last = <usize>(rows - 1) * ar;
  const r2 = min(2 * ar, last);
  const r3 = min(3 * ar, last);
  const r4 = min(4 * ar, last);
  eachTile<f32>(a, min(ar, last), r2, r3, r4, last, 4, pb, c, stride, depth, rows, columns, fresh, bias);
}

/** A panel of rows where T is a type of integers, else rows r1, r2 and so on behind the first; steps of either lie `ak` apart. */
// @ts-ignore: decorator
@inline
function eachTile<T>(
  a: usize, r1: usize, r2: usize, r3: usize, r4: usize, r5: usize, ak: usize,
  pb: usize, c: usize, stride: usize, depth: i32, rows: i32, columns: i32, fresh: bool, bias: usize,
): void {
  let c00 = f32x4.splat(0), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00;
  let c30 = c00, c31 = c00, c40 = c00, c41 = c00, c50 = c00, c51 = c00;
  for (let k = 0; k < depth; k++) {
    const b0 = v128.load(pb);
    const b1 = v128.load(pb, 16);
    let x = v128.load32_splat(a);
    c00 = madd(x, b0, c00);
    c01 = madd(x, b1, c01);
    x = isInteger<T>() ? v128.load32_splat(a, 4) : v128.load32_splat(a + r1);
    c10 = madd(x, b0, c10);
    c11 = madd(x, b1, c11);
    x = isInteger<T>() ? v128.load32_splat(a, 8) : v128.load32_splat(a + r2);
    c20 = madd(x, b0, c20);
    c21 = madd(x, b1, c21);
    x = isInteger<T>() ? v128.load32_splat(a, 12) : v128.load32_splat(a + r3);
    c30 = madd(x, b0, c30);
    c31 = madd(x, b1, c31);
    if (MR == 6) {
      x = isInteger<T>() ? v128.load32_splat(a, 16) : v128.load32_splat(a + r4);
      c40 = madd(x, b0, c40);
      c41 = madd(x, b1, c41);
      x = isInteger<T>() ? v128.load32_splat(a, 20) : v128.load32_splat(a + r5);
      c50 = madd(x, b0, c50);
      c51 = madd(x, b1, c51);
    }
    a += ak;
    pb += NR << 2;
  }
  line(c, c00, c01, columns, fresh, bias);
  if (rows > 1) line(c + stride, c10, c11, columns, fresh, bias);
  if (rows > 2) line(c + 2 * stride, c20, c21, columns, fresh, bias);
  if (rows > 3) line(c + 3 * stride, c30, c31, columns, fresh, bias);
  if (MR == 6 && rows > 4) line(c + 4 * stride, c40, c41, columns, fresh, bias);
  if (MR == 6 && rows > 5) line(c + 5 * stride, c50, c51, columns, fresh, bias);
}

// @ts-ignore: decorator
@inline
function line(c: usize, low: v128, high: v128, columns: i32, fresh: bool, bias: usize): void {
  if (columns < NR) return shortLine(c, low, high, columns, fresh, bias);
  if (!fresh) {
    low = f32x4.add(v128.load(c), low);
    high = f32x4.add(v128.load(c, 16), high);
  }
  if (bias) {
    low = f32x4.add(low, v128.load(bias));
    high = f32x4.add(high, v128.load(bias, 16));
  }
  v128.store(c, low);
  v128.store(c, high, 16);
}

function shortLine(c: usize, low: v128, high: v128, columns: i32, fresh: bool, bias: usize): void {
  for (let n = 0; n < columns; n++) {
    const v = n < 4 ? low : high;
    const o = <usize>n << 2;
    let x = f32x4.extract_lane(v, 0);
    if (!fresh) x = load<f32>(c + o) + x;
    if (bias) x += load<f32>(bias + o);
    store<f32>(c + o, x);
    // The wanted lane comes to the front by one rotation a turn.
    if (n < 4) low = i32x4.shuffle(low, low, 1, 2, 3, 0);
    else high = i32x4.shuffle(high, high, 1, 2, 3, 0);
  }
}
