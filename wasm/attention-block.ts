import { float, int, word } from "./core";
import { philox } from "./random";
import { turn } from "./turn";

/**
 * Attention goes by blocks of queries and keys. A block's scores lie with a row for each key: four lanes are four queries, so
 * that their largest, their sums and their masks need nothing of each other. Kernels end with the same words, from `first` on:
 * n, t, heads, keyHeads, d, causal, lengths or 0, cursor or 0, seed, stream, threshold, keep, scale, floats of a part's scratch.
 */

/** Queries of a block: whole vectors and, in either build, whole rows of tiles. */
export const QUERIES: i32 = 48;
/** Keys of a block: whole rows of tiles as well, and a multiple of the four that dropout takes at once. */
export const KEYS: i32 = 96;
export const ROW: usize = <usize>QUERIES << 2;

// @ts-ignore: decorator
@inline
export function lengthOf(call: usize, first: i32, b: i32): i32 {
  const t = int(call, first + 1);
  const lengths = <usize>int(call, first + 6);
  if (lengths == 0) return t;
  return min(max(load<i32>(lengths + (<usize>b << 2)), 0), t);
}

/** How far a block's first key lies behind its first query, where queries do not look ahead: query q sees key k from k + lead <= q on. */
// @ts-ignore: decorator
@inline
export function leadOf(call: usize, first: i32, i: i32, j: i32): i32 {
  return int(call, first + 5) ? j - i : -KEYS;
}

/** Of `count` keys, how many the last of four queries sees; those before it may see one, two or three less. */
// @ts-ignore: decorator
@inline
export function seenOf(query: i32, lead: i32, count: i32): i32 {
  return max(0, min(count, query + 4 - lead));
}

/** Puts `value` where one of four queries does not see a key that another does. p is the first key's vector. */
// @ts-ignore: decorator
@inline
export function hide(p: usize, query: i32, lead: i32, count: i32, value: f32): void {
  for (let r = 1; r < 4; r++) {
    const k = query - lead + r;
    if (k < 0 || k >= count) continue;
    const o = p + <usize>k * ROW;
    const hidden = i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(r));
    v128.store(o, v128.bitselect(f32x4.splat(value), v128.load(o), hidden));
  }
}

/** Zeros for the keys that a tile of these queries takes with it: six queries at most lie in one. */
// @ts-ignore: decorator
@inline
export function clearBehind(p: usize, query: i32, lead: i32, seen: i32, count: i32): void {
  const end = min(count, query + 9 - lead);
  for (let k = seen; k < end; k++) v128.store(p + <usize>k * ROW, f32x4.splat(0));
}

/**
 * What dropout makes of `count` numbers of each of four queries, of which `row` is the first, from key j on, a multiple of four.
 * The words of four keys are drawn at once for a query, to `words`, and turned behind.
 */
export function drop(call: usize, first: i32, p: usize, row: i32, j: i32, count: i32, words: usize): void {
  const t = int(call, first + 1);
  const step = load<u32>(<usize>int(call, first + 7));
  const keep = f32x4.splat(float(call, first + 11));
  const threshold = i32x4.splat(int(call, first + 10));
  for (let k = 0; k < count; k += 4) {
    for (let l = 0; l < 4; l++) {
      const element = <u32>(row + l) * <u32>((t + 3) & ~3) + <u32>(j + k);
      philox(element >> 2, step, word(call, first + 9), word(call, first + 8), words + (<usize>l << 4));
    }
    turn(words, 16, words + 64, 16);
    for (let l = 0; l < 4; l++) {
      const o = p + <usize>(k + l) * ROW;
      const stays = i32x4.ge_u(v128.load(words + 64 + (<usize>l << 4)), threshold);
      v128.store(o, v128.and(f32x4.mul(v128.load(o), keep), stays));
    }
  }
}

/** Zeros for floats `from` to `to`. */
// @ts-ignore: decorator
@inline
export function clear(p: usize, from: i32, to: i32): void {
  let k = from;
  for (; k + 4 <= to; k += 4) v128.store(p + (<usize>k << 2), f32x4.splat(0));
  for (; k < to; k++) store<f32>(p + (<usize>k << 2), 0);
}
