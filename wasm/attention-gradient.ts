import { QUERIES, KEYS, ROW, clear, clearBehind, drop, hide, leadOf, lengthOf, seenOf } from "./attention-block";
import { COLUMNS_BEHIND, TERMS_BEFORE, TERMS_BEHIND, addProduct, dotRow, turnRows } from "./attention-products";
import { at, begin, float, get, int } from "./core";
import { exponentials } from "./math";

/**
 * (dy, qkv, o, lse, dqkv, scratch, then the words of attention-block.ts from 6 on). Parts are heads of keys with their queries: a
 * part goes through its queries a block at a time, and for each through the keys that it sees; gradients add up in dqkv.
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
  const turnedQ = at(call, 5) + (<usize>(part * int(call, first + 13)) << 2);
  const turnedDy = turnedQ + <usize>d * ROW;
  const scores = turnedDy + <usize>d * ROW;
  const slopes = scores + <usize>KEYS * ROW;
  const words = slopes + <usize>KEYS * ROW;
  const wholes = words + 128;
  const x = at(call, 1);
  const dx = at(call, 4);
  const units = int(call, first) * keyHeads;
  const end = begin(units, part + 1, parts, 1);
  for (let u = begin(units, part, parts, 1); u < end; u++) {
    const b = u / keyHeads;
    const head = u % keyHeads;
    const length = lengthOf(call, first, b);
    const row0 = <usize>(b * t) * stride;
    const atK = row0 + (<usize>((heads + head) * d) << 2);
    const atV = atK + (<usize>(keyHeads * d) << 2);
    for (let i = 0; i < t; i++) {
      clear(dx + atK + <usize>i * stride, 0, d);
      clear(dx + atV + <usize>i * stride, 0, d);
    }
    for (let g = 0; g < share; g++) {
      const h = head * share + g;
      const row = (b * heads + h) * t;
      for (let i0 = 0; i0 < t; i0 += QUERIES) {
        const rows = min(QUERIES, t - i0);
        const seeing = max(0, min(rows, length - i0));
        const q = row0 + <usize>i0 * stride + (<usize>(h * d) << 2);
        const y = <usize>(b * t + i0) * oStride + (<usize>(h * d) << 2);
        const dy = at(call, 0) + y;
        for (let r = 0; r < rows; r++) {
          const o = <usize>r * oStride;
          clear(dx + q + <usize>r * stride, 0, d);
          store<f32>(wholes + (<usize>r << 2), dotRow(dy + o, at(call, 2) + y + o, d));
        }
        turnRows(x + q, stride, seeing, d, turnedQ, QUERIES);
        turnRows(dy, oStride, seeing, d, turnedDy, QUERIES);
        const last = seeing == 0 ? 0 : int(call, first + 5) ? i0 + seeing : length;
        for (let j = 0; j < last; j += KEYS) {
          const count = min(KEYS, last - j);
          const lead = leadOf(call, first, i0, j);
          const k = atK + <usize>j * stride;
          const v = atV + <usize>j * stride;
          const room = (seeing + 7) & ~7;
          addProduct(x + k, stride, 4, turnedQ, ROW, d, scores, ROW, count, room, true, COLUMNS_BEHIND, lead);
          addProduct(x + v, stride, 4, turnedDy, ROW, d, slopes, ROW, count, room, true, COLUMNS_BEHIND, lead);
          for (let i = 0; i < seeing; i += 4) {
            const c = <usize>i << 2;
            const log = get(at(call, 3) + (<usize>(row + i0) << 2) + c, seeing - i);
            slope(call, scores + c, slopes + c, i, lead, count, log, v128.load(wholes + c), row + i0, j, words);
          }
          addProduct(slopes, 4, ROW, x + k, stride, count, dx + q, stride, seeing, d, false, TERMS_BEFORE, lead);
          addProduct(slopes, ROW, 4, x + q, stride, seeing, dx + k, stride, count, d, false, TERMS_BEHIND, lead);
          addProduct(scores, ROW, 4, dy, oStride, seeing, dx + v, stride, count, d, false, TERMS_BEHIND, lead);
        }
      }
    }
  }
}

/**
 * Of four queries from `query` on and `count` keys: p from scores to weights as dropout leaves them, s from slopes of weights to
 * those of scores.
 */
function slope(
  call: usize, p: usize, s: usize, query: i32, lead: i32, count: i32, log: v128, whole: v128, row: i32, j: i32, words: usize,
): void {
  const first = 6;
  const scale = f32x4.splat(float(call, first + 12));
  const dropped = int(call, first + 7) != 0;
  const seen = seenOf(query, lead, count);
  hide(p, query, lead, count, -Infinity);
  hide(s, query, lead, count, 0);
  if (dropped) drop(call, first, s, row + query, j, seen, words);
  exponentials(p, ROW, seen, scale, log);
  for (let k = 0; k < seen; k++) {
    const o = <usize>k * ROW;
    const weight = v128.load(p + o);
    v128.store(s + o, f32x4.mul(f32x4.mul(weight, scale), f32x4.sub(v128.load(s + o), whole)));
  }
  if (dropped) drop(call, first, p, row + query, j, seen, words);
  clearBehind(p, query, lead, seen, count);
  clearBehind(s, query, lead, seen, count);
}
