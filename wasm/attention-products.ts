import { get, lanes, madd, put } from "./core";
import { turn } from "./turn";

/** Products of blocks that attention makes and uses up: everything stays in the first caches. */

/** As in panels.ts: 6 x 8 results where multiply-add is one instruction, else 4 x 8. */
const MR: i32 = ASC_FEATURE_RELAXED_SIMD ? 6 : 4;

/** What a tile of a causal block leaves out. Rows are keys: columns, queries, count from `lead` more than the row on. */
export const COLUMNS_BEHIND: i32 = 1;
/** Rows are keys, and terms are queries: the same of them. */
export const TERMS_BEHIND: i32 = 2;
/** Rows are queries, and terms are keys: those up to `lead` less than the row. */
export const TERMS_BEFORE: i32 = 3;

/**
 * c[i, j] = (fresh ? 0 : c[i, j]) + sum over k of a[i, k] b[k, j], for `rows` and `columns` of them. Element (i, k) of a lies at
 * a + i ar + k ak, rows of b and c lie bs and cs apart, all in bytes. `seen` and `lead` tell what a causal block leaves out, whole
 * tiles at a time: what of a tile's terms does not count is 0 there, and what of its columns does not is never read.
 */
export function addProduct(
  a: usize, ar: usize, ak: usize, b: usize, bs: usize, depth: i32, c: usize, cs: usize, rows: i32, columns: i32, fresh: bool,
  seen: i32, lead: i32,
): void {
  for (let j = 0; j < columns; j += 8) {
    const o = <usize>j << 2;
    const whole = columns - j >= 8 ? rows - (rows % MR) : 0;
    // Nothing of a tile may be left over: those whose rows count from `lead` more on end before the first that nothing sees.
    const last = seen == COLUMNS_BEHIND ? min(rows, max(0, j + 8 - lead)) : rows;
    const wholes = min(whole, (last + MR - 1) / MR * MR);
    tiles(a, ar, ak, b + o, bs, depth, c + o, cs, wholes, fresh, seen, lead);
    for (let i = wholes; i < last; i += MR) {
      const first = firstTerm(seen, i, lead);
      const end = endTerm(seen, i, lead, depth);
      if (end <= first && !fresh) continue;
      const to = c + <usize>i * cs + o;
      const skipped = <usize>first * ak;
      edge(a + <usize>i * ar + skipped, ar, ak, b + <usize>first * bs + o, bs, end - first, to, cs, rows - i, columns - j, fresh);
    }
  }
}

// @ts-ignore: decorator
@inline
function firstTerm(seen: i32, i: i32, lead: i32): i32 {
  return seen == TERMS_BEHIND ? max(0, i + lead) : 0;
}

// @ts-ignore: decorator
@inline
function endTerm(seen: i32, i: i32, lead: i32, depth: i32): i32 {
  return seen == TERMS_BEFORE ? min(depth, i + MR - lead) : depth;
}

/** All tiles of eight columns that are whole, in one call: there is little work in each. */
function tiles(
  a: usize, ar: usize, ak: usize, b: usize, bs: usize, depth: i32, c: usize, cs: usize, rows: i32, fresh: bool, seen: i32, lead: i32,
): void {
  for (let i = 0; i < rows; i += MR) {
    const first = firstTerm(seen, i, lead);
    const end = endTerm(seen, i, lead, depth);
    if (end <= first && !fresh) continue;
    const from = a + <usize>i * ar + <usize>first * ak;
    tile(from, ar, ak, b + <usize>first * bs, bs, end - first, c + <usize>i * cs, cs, MR, 8, fresh);
  }
}

function edge(
  a: usize, ar: usize, ak: usize, b: usize, bs: usize, depth: i32, c: usize, cs: usize, rows: i32, count: i32, fresh: bool,
): void {
  tile(a, ar, ak, b, bs, depth, c, cs, rows, count, fresh);
}

/** Behind the last row it is computed again, and not stored. */
// @ts-ignore: decorator
@inline
function tile(
  a: usize, ar: usize, ak: usize, b: usize, bs: usize, depth: i32, c: usize, cs: usize, rows: i32, count: i32, fresh: bool,
): void {
  let c00 = f32x4.splat(0), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00;
  let c30 = c00, c31 = c00, c40 = c00, c41 = c00, c50 = c00, c51 = c00;
  const last = <usize>(rows - 1);
  const r1 = min(1, last) * ar;
  const r2 = min(2, last) * ar;
  const r3 = min(3, last) * ar;
  const r4 = min(4, last) * ar;
  const r5 = min(5, last) * ar;
  for (let k = 0; k < depth; k++) {
    const b0 = count >= 8 ? v128.load(b) : get(b, count);
    const b1 = count >= 8 ? v128.load(b, 16) : get(b + 16, count - 4);
    let x = v128.load32_splat(a);
    c00 = madd(x, b0, c00);
    c01 = madd(x, b1, c01);
    x = v128.load32_splat(a + r1);
    c10 = madd(x, b0, c10);
    c11 = madd(x, b1, c11);
    x = v128.load32_splat(a + r2);
    c20 = madd(x, b0, c20);
    c21 = madd(x, b1, c21);
    x = v128.load32_splat(a + r3);
    c30 = madd(x, b0, c30);
    c31 = madd(x, b1, c31);
    if (MR == 6) {
      x = v128.load32_splat(a + r4);
      c40 = madd(x, b0, c40);
      c41 = madd(x, b1, c41);
      x = v128.load32_splat(a + r5);
      c50 = madd(x, b0, c50);
      c51 = madd(x, b1, c51);
    }
    a += ak;
    b += bs;
  }
  line(c, c00, c01, count, fresh);
  if (rows > 1) line(c + cs, c10, c11, count, fresh);
  if (rows > 2) line(c + 2 * cs, c20, c21, count, fresh);
  if (rows > 3) line(c + 3 * cs, c30, c31, count, fresh);
  if (MR == 6 && rows > 4) line(c + 4 * cs, c40, c41, count, fresh);
  if (MR == 6 && rows > 5) line(c + 5 * cs, c50, c51, count, fresh);
}

// @ts-ignore: decorator
@inline
function line(c: usize, low: v128, high: v128, count: i32, fresh: bool): void {
  put(c, fresh ? low : f32x4.add(get(c, count), low), count);
  if (count > 4) put(c + 16, fresh ? high : f32x4.add(get(c + 16, count - 4), high), count - 4);
}

/** Rows of d floats at x, `stride` bytes apart, as columns of y, whose d rows hold `width` floats: zeros behind, to eights. */
export function turnRows(x: usize, stride: usize, rows: i32, d: i32, y: usize, width: i32): void {
  const step = <usize>width << 2;
  let i = 0;
  for (; i + 4 <= rows; i += 4) {
    const from = x + <usize>i * stride;
    const to = y + (<usize>i << 2);
    let k = 0;
    for (; k + 4 <= d; k += 4) turn(from + (<usize>k << 2), stride, to + <usize>k * step, step);
    for (; k < d; k++) {
      for (let r = 0; r < 4; r++) {
        store<f32>(to + <usize>k * step + (<usize>r << 2), load<f32>(from + <usize>r * stride + (<usize>k << 2)));
      }
    }
  }
  for (const end = (rows + 7) & ~7; i < end; i++) {
    for (let k = 0; k < d; k++) {
      const v = i < rows ? load<f32>(x + <usize>i * stride + (<usize>k << 2)) : 0;
      store<f32>(y + <usize>k * step + (<usize>i << 2), v);
    }
  }
}

/** Sum of products of d floats. */
export function dotRow(a: usize, b: usize, d: i32): f32 {
  let sum = f32x4.splat(0);
  for (let k = 0; k < d; k += 4) sum = madd(get(a + (<usize>k << 2), d - k), get(b + (<usize>k << 2), d - k), sum);
  return lanes(sum);
}
