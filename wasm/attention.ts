// There and back, which share how blocks, masks and dropout are read: so a little longer than others.
import { addProduct, dotRow, turnRows } from "./attention-products";
import { at, begin, float, get, int, lanes, put, word } from "./core";
import { exp1, expBelow4, logOf } from "./math";
import { philox } from "./random";

/**
 * Attention by blocks of queries and keys, whose scores lie in a part's own scratch and nowhere else. Both kernels end with
 * the same words, from `first` on: n, t, heads, keyHeads, d, causal, lengths or 0, cursor or 0, seed, stream, threshold,
 * keep, scale, floats of a part's scratch.
 */

/** Queries and keys of a block: keys a multiple of queries, and both of eight, for which scores have room. */
const QUERIES: i32 = 32;
const KEYS: i32 = 64;
const ROW: usize = <usize>KEYS << 2;

// @ts-ignore: decorator
@inline
function lengthOf(call: usize, first: i32, b: i32): i32 {
  const t = int(call, first + 1);
  if (int(call, first + 6) == 0) return t;
  return min(max(load<i32>(at(call, first + 6) + (<usize>b << 2)), 0), t);
}

/** Of `count` keys from j on, how many the query at step i sees. */
// @ts-ignore: decorator
@inline
function seenOf(call: usize, first: i32, i: i32, length: i32, j: i32, count: i32): i32 {
  if (i >= length) return 0;
  const end = int(call, first + 5) ? i + 1 : length;
  return max(0, min(count, end - j));
}

/** p = what dropout makes of `count` weights of query `row` from key j on, a multiple of four. Words lie at `words`. */
function drop(call: usize, first: i32, p: usize, row: i32, j: i32, count: i32, words: usize): void {
  const t = int(call, first + 1);
  const element = <u32>row * <u32>((t + 3) & ~3) + <u32>j;
  const keep = f32x4.splat(float(call, first + 11));
  const threshold = i32x4.splat(int(call, first + 10));
  for (let k = 0; k < count; k += 4) {
    philox((element + <u32>k) >> 2, load<u32>(at(call, first + 7)), word(call, first + 9), word(call, first + 8), words);
    const stays = i32x4.ge_u(v128.load(words), threshold);
    const o = p + (<usize>k << 2);
    v128.store(o, v128.and(f32x4.mul(v128.load(o), keep), stays));
  }
}

// @ts-ignore: decorator
@inline
function clear(p: usize, from: i32, to: i32): void {
  let k = from;
  for (; k + 4 <= to; k += 4) v128.store(p + (<usize>k << 2), f32x4.splat(0));
  for (; k < to; k++) store<f32>(p + (<usize>k << 2), 0);
}

/** (qkv, o, lse, scratch, then the words of the head from 4 on). Parts are blocks of queries of a head of a row. */
export function attention(call: usize, part: i32, parts: i32): void {
  const first = 4;
  const t = int(call, first + 1);
  const heads = int(call, first + 2);
  const keyHeads = int(call, first + 3);
  const d = int(call, first + 4);
  const stride = <usize>((heads + 2 * keyHeads) * d) << 2;
  const oStride = <usize>(heads * d) << 2;
  const scale = f32x4.splat(float(call, first + 12));
  const turned = at(call, 3) + (<usize>(part * int(call, first + 13)) << 2);
  const scores = turned + <usize>d * ROW;
  const tops = scores + <usize>QUERIES * ROW;
  const sums = tops + (<usize>QUERIES << 2);
  const words = sums + (<usize>QUERIES << 2);
  const blocks = (t + QUERIES - 1) / QUERIES;
  const units = int(call, first) * heads * blocks;
  const end = begin(units, part + 1, parts, 1);
  for (let u = begin(units, part, parts, 1); u < end; u++) {
    const head = u / blocks;
    const b = head / heads;
    const h = head % heads;
    const i0 = (u % blocks) * QUERIES;
    const rows = min(QUERIES, t - i0);
    const length = lengthOf(call, first, b);
    const row0 = at(call, 0) + <usize>(b * t) * stride;
    const q = row0 + <usize>i0 * stride + (<usize>(h * d) << 2);
    const k = row0 + (<usize>((heads + h / (heads / keyHeads)) * d) << 2);
    const v = k + (<usize>(keyHeads * d) << 2);
    const o = at(call, 1) + <usize>(b * t + i0) * oStride + (<usize>(h * d) << 2);
    const last = i0 >= length ? 0 : int(call, first + 5) ? min(i0 + rows, length) : length;
    for (let j = 0; j < last; j += KEYS) {
      const count = min(KEYS, last - j);
      const room = (count + 7) & ~7;
      turnRows(k + <usize>j * stride, stride, count, d, turned, KEYS);
      addProduct(q, stride, 4, turned, ROW, d, scores, ROW, rows, room, true);
      for (let r = 0; r < rows; r++) {
        const p = scores + <usize>r * ROW;
        const seen = seenOf(call, first, i0 + r, length, j, count);
        if (seen > 0) {
          const before = load<f32>(tops + (<usize>r << 2));
          const top = scaled(p, seen, scale, j == 0 ? -Infinity : before);
          let sum = weigh(p, seen, top);
          if (j > 0) {
            const rest = before == top ? <f32>1 : exp1(before - top);
            sum += rest * load<f32>(sums + (<usize>r << 2));
            if (rest != 1) scaleRow(o + <usize>r * oStride, d, rest);
          }
          store<f32>(tops + (<usize>r << 2), top);
          store<f32>(sums + (<usize>r << 2), sum);
        }
        clear(p, seen, room);
        if (int(call, first + 7)) drop(call, first, p, head * t + i0 + r, j, seen, words);
      }
      addProduct(scores, ROW, 4, v + <usize>j * stride, stride, count, o, oStride, rows, d, j == 0);
    }
    for (let r = 0; r < rows; r++) {
      const y = o + <usize>r * oStride;
      let log: f32 = 0;
      if (i0 + r < length) {
        const sum = load<f32>(sums + (<usize>r << 2));
        scaleRow(y, d, 1 / sum);
        log = <f32>(<f64>load<f32>(tops + (<usize>r << 2)) + logOf(<f64>sum));
      } else clear(y, 0, d);
      store<f32>(at(call, 2) + (<usize>(head * t + i0 + r) << 2), log);
    }
  }
}

/** p = scale p of `count` scores. Gives the largest of them and of `top`. */
function scaled(p: usize, count: i32, scale: v128, top: f32): f32 {
  let most = f32x4.splat(top);
  let k = 0;
  for (; k + 4 <= count; k += 4) {
    const s = f32x4.mul(v128.load(p + (<usize>k << 2)), scale);
    v128.store(p + (<usize>k << 2), s);
    most = f32x4.max(most, s);
  }
  let a = max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1));
  a = max(a, max(f32x4.extract_lane(most, 2), f32x4.extract_lane(most, 3)));
  for (; k < count; k++) {
    const s = load<f32>(p + (<usize>k << 2)) * f32x4.extract_lane(scale, 0);
    store<f32>(p + (<usize>k << 2), s);
    a = max(a, s);
  }
  return a;
}

/** p = exp(p - top) of `count` scores, and their sum. The room behind the last is the scores' own. */
function weigh(p: usize, count: i32, top: f32): f32 {
  const t = f32x4.splat(top);
  let sum = f32x4.splat(0);
  let k = 0;
  for (; k + 4 <= count; k += 4) {
    const e = expBelow4(f32x4.sub(v128.load(p + (<usize>k << 2)), t));
    v128.store(p + (<usize>k << 2), e);
    sum = f32x4.add(sum, e);
  }
  if (k < count) {
    v128.store(p + (<usize>k << 2), expBelow4(f32x4.sub(v128.load(p + (<usize>k << 2)), t)));
    sum = f32x4.add(sum, get(p + (<usize>k << 2), count - k));
  }
  return lanes(sum);
}

function scaleRow(p: usize, d: i32, factor: f32): void {
  for (let c = 0; c < d; c += 4) {
    const o = p + (<usize>c << 2);
    put(o, f32x4.mul(get(o, d - c), f32x4.splat(factor)), d - c);
  }
}

/**
 * (dy, qkv, o, lse, dqkv, scratch, then the words of the head from 6 on). Parts are heads of keys with their queries: a part
 * goes through its keys a block at a time, and for each through its queries, whose gradients add up in dqkv.
 */
export function attentionGradient(call: usize, part: i32, parts: i32): void {
  const first = 6;
  const t = int(call, first + 1);
  const heads = int(call, first + 2);
  const keyHeads = int(call, first + 3);
  const d = int(call, first + 4);
  const share = heads / keyHeads;
  const stride = <usize>((heads + 2 * keyHeads) * d) << 2;
  const oStride = <usize>(heads * d) << 2;
  const turnedK = at(call, 5) + (<usize>(part * int(call, first + 13)) << 2);
  const turnedV = turnedK + <usize>d * ROW;
  const scores = turnedV + <usize>d * ROW;
  const slopes = scores + <usize>QUERIES * ROW;
  const words = slopes + <usize>QUERIES * ROW;
  const wholes = words + 16;
  const units = int(call, first) * keyHeads;
  const end = begin(units, part + 1, parts, 1);
  for (let u = begin(units, part, parts, 1); u < end; u++) {
    const b = u / keyHeads;
    const head = u % keyHeads;
    const length = lengthOf(call, first, b);
    const row0 = <usize>(b * t) * stride;
    const atK = row0 + (<usize>((heads + head) * d) << 2);
    const atV = atK + (<usize>(keyHeads * d) << 2);
    const x = at(call, 1);
    const dx = at(call, 4);
    for (let i = 0; i < t; i++) {
      clear(dx + atK + <usize>i * stride, 0, d);
      clear(dx + atV + <usize>i * stride, 0, d);
      for (let g = 0; g < share; g++) {
        const h = head * share + g;
        clear(dx + row0 + <usize>i * stride + (<usize>(h * d) << 2), 0, d);
        const y = <usize>(b * t + i) * oStride + (<usize>(h * d) << 2);
        store<f32>(wholes + (<usize>(g * t + i) << 2), dotRow(at(call, 0) + y, at(call, 2) + y, d));
      }
    }
    for (let j = 0; j < length; j += KEYS) {
      const count = min(KEYS, length - j);
      const k = atK + <usize>j * stride;
      const v = atV + <usize>j * stride;
      turnRows(x + k, stride, count, d, turnedK, KEYS);
      turnRows(x + v, stride, count, d, turnedV, KEYS);
      for (let g = 0; g < share; g++) {
        const h = head * share + g;
        const row = (b * heads + h) * t;
        for (let i0 = int(call, first + 5) ? j : 0; i0 < length; i0 += QUERIES) {
          const rows = min(QUERIES, length - i0);
          // The keys that the last of these queries sees.
          const seenAll = seenOf(call, first, i0 + rows - 1, length, j, count);
          const room = (seenAll + 7) & ~7;
          const q = row0 + <usize>i0 * stride + (<usize>(h * d) << 2);
          const dy = at(call, 0) + <usize>(b * t + i0) * oStride + (<usize>(h * d) << 2);
          addProduct(x + q, stride, 4, turnedK, ROW, d, scores, ROW, rows, room, true);
          addProduct(dy, oStride, 4, turnedV, ROW, d, slopes, ROW, rows, room, true);
          for (let r = 0; r < rows; r++) {
            const p = scores + <usize>r * ROW;
            const s = slopes + <usize>r * ROW;
            const seen = seenOf(call, first, i0 + r, length, j, count);
            const log = load<f32>(at(call, 3) + (<usize>(row + i0 + r) << 2));
            const whole = load<f32>(wholes + (<usize>(g * t + i0 + r) << 2));
            slope(call, first, p, s, seen, log, whole, row + i0 + r, j, words);
            clear(p, seen, room);
            clear(s, seen, room);
          }
          addProduct(slopes, ROW, 4, x + k, stride, seenAll, dx + q, stride, rows, d, false);
          addProduct(slopes, 4, ROW, x + q, stride, rows, dx + k, stride, seenAll, d, false);
          addProduct(scores, 4, ROW, dy, oStride, rows, dx + v, stride, seenAll, d, false);
        }
      }
    }
  }
}

/** Of `count` pairs of a query: p from scores to weights as dropout leaves them, s from slopes of weights to those of scores. */
function slope(
  call: usize, first: i32, p: usize, s: usize, count: i32, log: f32, whole: f32, row: i32, j: i32, words: usize,
): void {
  const scale = f32x4.splat(float(call, first + 12));
  const dropped = int(call, first + 7) != 0;
  if (dropped) drop(call, first, s, row, j, count, words);
  for (let c = 0; c < count; c += 4) {
    const o = <usize>c << 2;
    const weight = expBelow4(f32x4.sub(f32x4.mul(v128.load(p + o), scale), f32x4.splat(log)));
    const difference = f32x4.sub(v128.load(s + o), f32x4.splat(whole));
    v128.store(s + o, f32x4.mul(f32x4.mul(weight, scale), difference));
    v128.store(p + o, weight);
  }
  if (dropped) drop(call, first, p, row, j, count, words);
}
