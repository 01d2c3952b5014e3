import { QUERIES, KEYS, ROW, clear, clearBehind, drop, hide, leadOf, lengthOf, seenOf } from "./attention-block";
import { COLUMNS_BEHIND, TERMS_BEFORE, addProduct, turnRows } from "./attention-products";
import { at, begin, float, get, int, put } from "./core";
import { exp4, exponentials, logOf } from "./math";

/** (qkv, o, lse, scratch, then the words of attention-block.ts from 4 on). Parts are blocks of queries of a head of a row. */
export function attention(call: usize, part: i32, parts: i32): void {
  const first = 4;
  const t = int(call, first + 1);
  const heads = int(call, first + 2);
  const keyHeads = int(call, first + 3);
  const d = int(call, first + 4);
  const stride = <usize>((heads + 2 * keyHeads) * d) << 2;
  const oStride = <usize>(heads * d) << 2;
  const turned = at(call, 3) + (<usize>(part * int(call, first + 13)) << 2);
  const scores = turned + <usize>d * ROW;
  const tops = scores + <usize>KEYS * ROW;
  const sums = tops + ROW;
  const rests = sums + ROW;
  const words = rests + ROW;
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
    // The queries that see something; to the next eight there is room for more.
    const seeing = max(0, min(rows, length - i0));
    const row0 = at(call, 0) + <usize>(b * t) * stride;
    const k = row0 + (<usize>((heads + h / (heads / keyHeads)) * d) << 2);
    const v = k + (<usize>(keyHeads * d) << 2);
    const o = at(call, 1) + <usize>(b * t + i0) * oStride + (<usize>(h * d) << 2);
    const last = seeing == 0 ? 0 : int(call, first + 5) ? i0 + seeing : length;
    turnRows(row0 + <usize>i0 * stride + (<usize>(h * d) << 2), stride, seeing, d, turned, QUERIES);
    for (let j = 0; j < last; j += KEYS) {
      const count = min(KEYS, last - j);
      const lead = leadOf(call, first, i0, j);
      const keys = k + <usize>j * stride;
      addProduct(keys, stride, 4, turned, ROW, d, scores, ROW, count, (seeing + 7) & ~7, true, COLUMNS_BEHIND, lead);
      for (let q = 0; q < seeing; q += 4) {
        const p = scores + (<usize>q << 2);
        const seen = seenOf(q, lead, count);
        hide(p, q, lead, count, -Infinity);
        weigh(call, p, seen, j == 0, tops + (<usize>q << 2));
        if (int(call, first + 7)) drop(call, first, p, head * t + i0 + q, j, seen, words);
        clearBehind(p, q, lead, seen, count);
      }
      if (j > 0) rescale(o, oStride, seeing, d, rests);
      addProduct(scores, 4, ROW, v + <usize>j * stride, stride, count, o, oStride, seeing, d, j == 0, TERMS_BEFORE, lead);
    }
    for (let r = 0; r < rows; r++) {
      const y = o + <usize>r * oStride;
      let log: f32 = 0;
      if (r < seeing) {
        const sum = load<f32>(sums + (<usize>r << 2));
        scaleRow(y, d, 1 / sum);
        log = <f32>(<f64>load<f32>(tops + (<usize>r << 2)) + logOf(<f64>sum));
      } else clear(y, 0, d);
      store<f32>(at(call, 2) + (<usize>(head * t + i0 + r) << 2), log);
    }
  }
}

/**
 * p from scores to weights of four queries for `seen` keys. Their largest scores so far lie at `state`, their sums of weights and
 * what these, and all that was made of them, are to be multiplied with each a row further.
 */
// @ts-ignore: decorator
@inline
function weigh(call: usize, p: usize, seen: i32, fresh: bool, state: usize): void {
  const scale = f32x4.splat(float(call, 4 + 12));
  const before = fresh ? f32x4.splat(-Infinity) : v128.load(state);
  let top = before;
  for (let k = 0; k < seen; k++) top = f32x4.pmax(f32x4.mul(v128.load(p + <usize>k * ROW), scale), top);
  let sum = exponentials(p, ROW, seen, scale, top);
  if (!fresh) {
    const rest = exp4(f32x4.sub(before, top));
    v128.store(state + 2 * ROW, rest);
    sum = f32x4.add(sum, f32x4.mul(rest, v128.load(state + ROW)));
  }
  v128.store(state, top);
  v128.store(state + ROW, sum);
}

/** Rows of o by what lies at `rests` for each. */
function rescale(o: usize, oStride: usize, rows: i32, d: i32, rests: usize): void {
  for (let r = 0; r < rows; r++) {
    const rest = load<f32>(rests + (<usize>r << 2));
    if (rest != 1) scaleRow(o + <usize>r * oStride, d, rest);
  }
}

function scaleRow(p: usize, d: i32, factor: f32): void {
  for (let c = 0; c < d; c += 4) {
    const o = p + (<usize>c << 2);
    put(o, f32x4.mul(get(o, d - c), f32x4.splat(factor)), d - c);
  }
}
