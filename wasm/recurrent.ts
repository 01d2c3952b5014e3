// Four cells and the two loops that all of them share, which are compiled together: so longer than others.
import { at, begin, get, int, lanes, madd, put } from "./core";
import { sigmoid4, tanh4 } from "./math";
import { KC, MR, NR, tile } from "./panels";

/**
 * Recurrences over all steps. A part has rows of the batch, and takes as many at a time as a panel holds: their state lies
 * as [K][MR], so that each step is a product of that panel and the packed weights, and what it makes of the sums.
 */

/** Rows that scratch has room for, in either build. */
const ROOM: usize = 6;

// @ts-ignore: decorator
@inline
function splat(x: f32): v128 {
  return f32x4.splat(x);
}

/** d y (1 - y) and d (1 - y) (1 + y): of a sum, from d of its sigmoid or tanh. */
// @ts-ignore: decorator
@inline
function throughSigmoid(d: v128, y: v128): v128 {
  return f32x4.mul(d, f32x4.mul(y, f32x4.sub(splat(1), y)));
}

// @ts-ignore: decorator
@inline
function throughTanh(d: v128, y: v128): v128 {
  return f32x4.mul(d, f32x4.mul(f32x4.sub(splat(1), y), f32x4.add(splat(1), y)));
}

/** sums [rows, N] = state [K][MR] weights. */
function product(state: usize, weights: usize, sums: usize, N: i32, K: i32, rows: i32): void {
  for (let k = 0; k < K; k += KC) {
    const depth = min(KC, K - k);
    for (let n = 0; n < N; n += NR) {
      const pb = weights + (<usize>(n * K + k * NR) << 2);
      tile(state + (<usize>(k * MR) << 2), pb, sums + (<usize>n << 2), <usize>N << 2, depth, rows, min(NR, N - n), k == 0);
    }
  }
}

/** Up to four terms of a row's state from place `term` on. */
// @ts-ignore: decorator
@inline
function setState(state: usize, term: i32, r: i32, v: v128, count: i32): void {
  const p = state + (<usize>(term * MR + r) << 2);
  const step = <usize>MR << 2;
  store<f32>(p, f32x4.extract_lane(v, 0));
  if (count > 1) store<f32>(p + step, f32x4.extract_lane(v, 1));
  if (count > 2) store<f32>(p + 2 * step, f32x4.extract_lane(v, 2));
  if (count > 3) store<f32>(p + 3 * step, f32x4.extract_lane(v, 3));
}

function clear(p: usize, count: i32): void {
  for (let i = 0; i < count; i += 4) put(p + (<usize>i << 2), splat(0), count - i);
}

/** A row's step: what is at its addresses, all of one row. */
// @ts-ignore: decorator
@unmanaged
class Lstm {
  @inline gates(): i32 { return 4; }
  @inline saved(): i32 { return 5; }
  /** From inputs x, sums s [4 h] and biases; `cell` is the step before's, or 0. */
  @inline step(x: usize, s: usize, bi: usize, bh: usize, _h: v128, cell: usize, saved: usize, j: i32, width: usize, count: i32): v128 {
    const o = <usize>j << 2;
    const i = sigmoid4(sum(x, s, bi, bh, o, count));
    const f = sigmoid4(sum(x, s, bi, bh, o + width, count));
    const g = tanh4(sum(x, s, bi, bh, o + 2 * width, count));
    const out = sigmoid4(sum(x, s, bi, bh, o + 3 * width, count));
    const before = cell ? get(cell + o, count) : splat(0);
    const c = f32x4.add(f32x4.mul(f, before), f32x4.mul(i, g));
    put(saved + o, i, count);
    put(saved + width + o, f, count);
    put(saved + 2 * width + o, g, count);
    put(saved + 3 * width + o, out, count);
    put(saved + 4 * width + o, c, count);
    return f32x4.mul(out, tanh4(c));
  }
  @inline back(dh: v128, carry: usize, saved: usize, _out: v128, _h: v128, cell: usize, dx: usize, _hidden: usize, state: usize, r: i32, j: i32, h: i32, count: i32): void {
    const width = <usize>h << 2;
    const o = <usize>j << 2;
    const i = get(saved + o, count);
    const f = get(saved + width + o, count);
    const g = get(saved + 2 * width + o, count);
    const out = get(saved + 3 * width + o, count);
    const s = tanh4(get(saved + 4 * width + o, count));
    const before = cell ? get(cell + o, count) : splat(0);
    const dc = f32x4.add(throughTanh(f32x4.mul(dh, out), s), get(carry + o, count));
    put(carry + o, f32x4.mul(dc, f), count);
    give(throughSigmoid(f32x4.mul(dc, g), i), dx + o, state, j, r, count);
    give(throughSigmoid(f32x4.mul(dc, before), f), dx + width + o, state, h + j, r, count);
    give(throughTanh(f32x4.mul(dc, i), g), dx + 2 * width + o, state, 2 * h + j, r, count);
    give(throughSigmoid(f32x4.mul(dh, s), out), dx + 3 * width + o, state, 3 * h + j, r, count);
  }
}

// @ts-ignore: decorator
@unmanaged
class Gru {
  @inline gates(): i32 { return 3; }
  @inline saved(): i32 { return 4; }
  @inline step(x: usize, s: usize, bi: usize, bh: usize, h: v128, _cell: usize, saved: usize, j: i32, width: usize, count: i32): v128 {
    const o = <usize>j << 2;
    const r = sigmoid4(sum(x, s, bi, bh, o, count));
    const z = sigmoid4(sum(x, s, bi, bh, o + width, count));
    const hidden = f32x4.add(get(s + 2 * width + o, count), get(bh + 2 * width + o, count));
    const own = f32x4.add(get(x + 2 * width + o, count), get(bi + 2 * width + o, count));
    const n = tanh4(f32x4.add(own, f32x4.mul(r, hidden)));
    put(saved + o, r, count);
    put(saved + width + o, z, count);
    put(saved + 2 * width + o, n, count);
    put(saved + 3 * width + o, hidden, count);
    return f32x4.add(n, f32x4.mul(z, f32x4.sub(h, n)));
  }
  @inline back(own: v128, carry: usize, saved: usize, _out: v128, before: v128, _cell: usize, dx: usize, hidden: usize, state: usize, row: i32, j: i32, h: i32, count: i32): void {
    const width = <usize>h << 2;
    const o = <usize>j << 2;
    const r = get(saved + o, count);
    const z = get(saved + width + o, count);
    const n = get(saved + 2 * width + o, count);
    const dh = f32x4.add(own, get(carry + o, count));
    put(carry + o, f32x4.mul(dh, z), count);
    const dn = throughTanh(f32x4.mul(dh, f32x4.sub(splat(1), z)), n);
    const dz = throughSigmoid(f32x4.mul(dh, f32x4.sub(before, n)), z);
    const dr = throughSigmoid(f32x4.mul(dn, get(saved + 3 * width + o, count)), r);
    put(dx + o, dr, count);
    put(dx + width + o, dz, count);
    put(dx + 2 * width + o, dn, count);
    give(dr, hidden + o, state, j, row, count);
    give(dz, hidden + width + o, state, h + j, row, count);
    give(f32x4.mul(dn, r), hidden + 2 * width + o, state, 2 * h + j, row, count);
  }
}

// @ts-ignore: decorator
@unmanaged
class Rnn {
  @inline gates(): i32 { return 1; }
  @inline saved(): i32 { return 0; }
  @inline step(x: usize, s: usize, bi: usize, bh: usize, _h: v128, _cell: usize, _saved: usize, j: i32, _width: usize, count: i32): v128 {
    return tanh4(sum(x, s, bi, bh, <usize>j << 2, count));
  }
  @inline back(dh: v128, _carry: usize, _saved: usize, out: v128, _h: v128, _cell: usize, dx: usize, _hidden: usize, state: usize, r: i32, j: i32, _n: i32, count: i32): void {
    give(throughTanh(dh, out), dx + (<usize>j << 2), state, j, r, count);
  }
}

// @ts-ignore: decorator
@unmanaged
class RnnRelu {
  @inline gates(): i32 { return 1; }
  @inline saved(): i32 { return 0; }
  @inline step(x: usize, s: usize, bi: usize, bh: usize, _h: v128, _cell: usize, _saved: usize, j: i32, _width: usize, count: i32): v128 {
    return f32x4.max(sum(x, s, bi, bh, <usize>j << 2, count), splat(0));
  }
  @inline back(dh: v128, _carry: usize, _saved: usize, out: v128, _h: v128, _cell: usize, dx: usize, _hidden: usize, state: usize, r: i32, j: i32, _n: i32, count: i32): void {
    const d = v128.and(f32x4.gt(out, splat(0)), dh);
    give(v128.bitselect(d, out, f32x4.eq(out, out)), dx + (<usize>j << 2), state, j, r, count);
  }
}

/** A gate's sum: of the input, of the state, and both biases. */
// @ts-ignore: decorator
@inline
function sum(x: usize, s: usize, bi: usize, bh: usize, o: usize, count: i32): v128 {
  const own = f32x4.add(get(x + o, count), get(bi + o, count));
  return f32x4.add(own, f32x4.add(get(s + o, count), get(bh + o, count)));
}

/** d of a gate's sum, to its place and into the state. */
// @ts-ignore: decorator
@inline
function give(d: v128, to: usize, state: usize, term: i32, r: i32, count: i32): void {
  put(to, d, count);
  setState(state, term, r, d, count);
}

/** Steps of a row that count. */
// @ts-ignore: decorator
@inline
function countOf(call: usize, lengths: i32, given: i32, row: i32, steps: i32): i32 {
  if (!int(call, given)) return steps;
  return max(0, min(steps, load<i32>(at(call, lengths) + (<usize>row << 2))));
}

/** (x, weights, input bias, hidden bias, lengths, whether there are, y, saved, scratch, rows, steps, h, reverse). */
// @ts-ignore: decorator
@inline
function forward<C>(call: usize, part: i32, parts: i32): void {
  const cell = changetype<C>(<usize>0);
  const rows = int(call, 9);
  const steps = int(call, 10);
  const h = int(call, 11);
  const back = int(call, 12);
  const width = <usize>h << 2;
  const gates = cell.gates();
  const kept = <usize>cell.saved() * width;
  const state = at(call, 8) + <usize>part * ROOM * <usize>(gates + 1) * width;
  const sums = state + ROOM * width;
  const end = begin(rows, part + 1, parts, MR);
  for (let row = begin(rows, part, parts, MR); row < end; row += MR) {
    const many = min(MR, end - row);
    clear(state, h * MR);
    for (let s = 0; s < steps; s++) {
      const t = back ? steps - 1 - s : s;
      if (s > 0) product(state, at(call, 1), sums, gates * h, h, many);
      else clear(sums, many * gates * h);
      for (let r = 0; r < many; r++) {
        const place = <usize>((row + r) * steps + t);
        const y = at(call, 6) + place * width;
        const saved = at(call, 7) + place * kept;
        if (t >= countOf(call, 4, 5, row + r, steps)) {
          clear(y, h);
          clear(saved, cell.saved() * h);
          for (let j = 0; j < h; j += 4) setState(state, j, r, splat(0), h - j);
          continue;
        }
        const x = at(call, 0) + place * <usize>gates * width;
        const own = sums + <usize>(r * gates) * width;
        const step = back ? 1 : -1;
        const before = s > 0 ? saved + <usize>(step * <i32>kept) + 4 * width : 0;
        for (let j = 0; j < h; j += 4) {
          const o = <usize>j << 2;
          const was = s > 0 ? get(y + <usize>(step * <i32>width) + o, h - j) : splat(0);
          const made = cell.step(x, own, at(call, 2), at(call, 3), was, before, saved, j, width, h - j);
          put(y + o, made, h - j);
          setState(state, j, r, made, h - j);
        }
      }
    }
  }
}

/** (dy, saved, y, weights, lengths, whether there are, dx, d hidden, scratch, rows, steps, h, reverse). */
// @ts-ignore: decorator
@inline
function backward<C>(call: usize, part: i32, parts: i32): void {
  const cell = changetype<C>(<usize>0);
  const rows = int(call, 9);
  const steps = int(call, 10);
  const h = int(call, 11);
  const back = int(call, 12);
  const width = <usize>h << 2;
  const gates = cell.gates();
  const kept = <usize>cell.saved() * width;
  const state = at(call, 8) + <usize>part * ROOM * <usize>(gates + 2) * width;
  const sums = state + ROOM * <usize>gates * width;
  const carries = sums + ROOM * width;
  const end = begin(rows, part + 1, parts, MR);
  for (let row = begin(rows, part, parts, MR); row < end; row += MR) {
    const many = min(MR, end - row);
    clear(state, gates * h * MR);
    clear(carries, many * h);
    for (let s = steps - 1; s >= 0; s--) {
      const t = back ? steps - 1 - s : s;
      if (s < steps - 1) product(state, at(call, 3), sums, h, gates * h, many);
      else clear(sums, many * h);
      for (let r = 0; r < many; r++) {
        const place = <usize>((row + r) * steps + t);
        const dx = at(call, 6) + place * <usize>gates * width;
        const hidden = at(call, 7) + place * <usize>gates * width;
        const carry = carries + <usize>r * width;
        const count = countOf(call, 4, 5, row + r, steps);
        if (t >= count) {
          clear(dx, gates * h);
          clear(hidden, gates * h);
          clear(carry, h);
          for (let q = 0; q < gates * h; q += 4) setState(state, q, r, splat(0), gates * h - q);
          continue;
        }
        const dy = at(call, 0) + place * width;
        const saved = at(call, 1) + place * kept;
        const y = at(call, 2) + place * width;
        const own = sums + <usize>r * width;
        const step = back ? 1 : -1;
        // Where a row is gone through from behind, its last step that counts was the first.
        const follows = s > 0 && (!back || t + 1 < count);
        const before = follows ? saved + <usize>(step * <i32>kept) + 4 * width : 0;
        for (let j = 0; j < h; j += 4) {
          const o = <usize>j << 2;
          const left = h - j;
          const was = follows ? get(y + <usize>(step * <i32>width) + o, left) : splat(0);
          const dh = f32x4.add(get(dy + o, left), get(own + o, left));
          cell.back(dh, carry, saved, get(y + o, left), was, before, dx, hidden, state, r, j, h, left);
        }
      }
    }
  }
}

export function lstm(call: usize, part: i32, parts: i32): void { forward<Lstm>(call, part, parts); }
export function lstmGradient(call: usize, part: i32, parts: i32): void { backward<Lstm>(call, part, parts); }
export function gru(call: usize, part: i32, parts: i32): void { forward<Gru>(call, part, parts); }
export function gruGradient(call: usize, part: i32, parts: i32): void { backward<Gru>(call, part, parts); }
export function rnn(call: usize, part: i32, parts: i32): void { forward<Rnn>(call, part, parts); }
export function rnnGradient(call: usize, part: i32, parts: i32): void { backward<Rnn>(call, part, parts); }
export function rnnRelu(call: usize, part: i32, parts: i32): void { forward<RnnRelu>(call, part, parts); }
export function rnnReluGradient(call: usize, part: i32, parts: i32): void { backward<RnnRelu>(call, part, parts); }

/** (w, state, sums, rows of w, h): the state's part of each gate's sum. */
export function stateSums(call: usize, part: i32, parts: i32): void {
  const rows = int(call, 3);
  const h = int(call, 4);
  const state = at(call, 1);
  const end = begin(rows, part + 1, parts, 1);
  for (let q = begin(rows, part, parts, 1); q < end; q++) {
    const w = at(call, 0) + (<usize>(q * h) << 2);
    let sum = splat(0);
    for (let k = 0; k < h; k += 4) sum = madd(get(w + (<usize>k << 2), h - k), get(state + (<usize>k << 2), h - k), sum);
    store<f32>(at(call, 2) + (<usize>q << 2), lanes(sum));
  }
}

/** (x, sums, input bias, hidden bias, state, y, saved, h, the cell among saved values or -1): one step of one row. */
// @ts-ignore: decorator
@inline
function oneStep<C>(call: usize): void {
  const cell = changetype<C>(<usize>0);
  const h = int(call, 7);
  const width = <usize>h << 2;
  const state = at(call, 4);
  const kept = int(call, 8);
  for (let j = 0; j < h; j += 4) {
    const o = <usize>j << 2;
    const count = h - j;
    const before = get(state + o, count);
    const y = cell.step(at(call, 0), at(call, 1), at(call, 2), at(call, 3), before, state + width, at(call, 6), j, width, count);
    put(at(call, 5) + o, y, count);
    put(state + o, y, count);
    put(state + width + o, kept < 0 ? splat(0) : get(at(call, 6) + <usize>kept * width + o, count), count);
  }
}

export function lstmStep(call: usize, _part: i32, _parts: i32): void {
  oneStep<Lstm>(call);
}
export function gruStep(call: usize, _part: i32, _parts: i32): void {
  oneStep<Gru>(call);
}
export function rnnStep(call: usize, _part: i32, _parts: i32): void {
  oneStep<Rnn>(call);
}
export function rnnReluStep(call: usize, _part: i32, _parts: i32): void {
  oneStep<RnnRelu>(call);
}
