import { addWide, at, begin, float, get, int, put, wideTotal } from "./core";
import { exp4, log1pUnit4, sigmoid4 } from "./math";

// @ts-ignore: decorator
@inline
function s(x: f32): v128 {
  return f32x4.splat(x);
}

/** A loss: its term of prediction and target, and the term's slope in the prediction. */
// @ts-ignore: decorator
@unmanaged
class SquaredError {
  @inline term(p: v128, t: v128): v128 {
    const d = f32x4.sub(p, t);
    return f32x4.mul(d, d);
  }
  @inline slope(p: v128, t: v128): v128 { return f32x4.mul(s(2), f32x4.sub(p, t)); }
}

/** The squared error with the slope that the tutorial printed. */
// @ts-ignore: decorator
@unmanaged
class AsPublished {
  @inline term(p: v128, t: v128): v128 {
    const d = f32x4.sub(p, t);
    return f32x4.mul(d, d);
  }
  @inline slope(p: v128, _t: v128): v128 { return f32x4.mul(s(2), p); }
}

// @ts-ignore: decorator
@unmanaged
class Huber {
  @inline term(p: v128, t: v128): v128 {
    const d = f32x4.sub(p, t);
    const a = f32x4.abs(d);
    const near = f32x4.mul(s(0.5), f32x4.mul(d, d));
    return v128.bitselect(near, f32x4.sub(a, s(0.5)), f32x4.lt(a, s(1)));
  }
  @inline slope(p: v128, t: v128): v128 { return f32x4.max(s(-1), f32x4.min(s(1), f32x4.sub(p, t))); }
}

// @ts-ignore: decorator
@unmanaged
class Bce {
  @inline term(p: v128, t: v128): v128 {
    const linear = f32x4.sub(f32x4.max(p, s(0)), f32x4.mul(p, t));
    return f32x4.add(linear, log1pUnit4(exp4(f32x4.neg(f32x4.abs(p)))));
  }
  @inline slope(p: v128, t: v128): v128 { return f32x4.sub(sigmoid4(p), t); }
}

/** (p, t, y, n, scale): y [1] = scale times the sum of all terms, added up in f64. */
function total<T>(call: usize): void {
  const op = changetype<T>(0);
  const p = at(call, 0);
  const t = at(call, 1);
  const n = int(call, 3);
  let sum = f64x2.splat(0);
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    const o = <usize>i << 2;
    sum = addWide(sum, op.term(v128.load(p + o), v128.load(t + o)));
  }
  let all = wideTotal(sum);
  for (; i < n; i++) {
    const o = <usize>i << 2;
    all += <f64>f32x4.extract_lane(op.term(s(load<f32>(p + o)), s(load<f32>(t + o))), 0);
  }
  store<f32>(at(call, 2), <f32>(all * <f64>float(call, 4)));
}

/** (p, t, dloss, dp, n, scale): dp = slope(p, t) scale dloss */
function slopes<T>(call: usize, part: i32, parts: i32): void {
  const op = changetype<T>(0);
  const p = at(call, 0);
  const t = at(call, 1);
  const dp = at(call, 3);
  const n = int(call, 4);
  const scale = s(float(call, 5) * load<f32>(at(call, 2)));
  const end = begin(n, part + 1, parts, 16);
  let i = begin(n, part, parts, 16);
  for (; i + 4 <= end; i += 4) {
    const o = <usize>i << 2;
    v128.store(dp + o, f32x4.mul(op.slope(v128.load(p + o), v128.load(t + o)), scale));
  }
  if (i < end) {
    const o = <usize>i << 2;
    put(dp + o, f32x4.mul(op.slope(get(p + o, end - i), get(t + o, end - i)), scale), end - i);
  }
}

export function sumSquaredError(call: usize, _part: i32, _parts: i32): void { total<SquaredError>(call); }
export function sumSquaredErrorGradient(call: usize, part: i32, parts: i32): void { slopes<SquaredError>(call, part, parts); }
export function sumSquaredErrorAsPublished(call: usize, _part: i32, _parts: i32): void { total<AsPublished>(call); }
export function sumSquaredErrorAsPublishedGradient(call: usize, part: i32, parts: i32): void { slopes<AsPublished>(call, part, parts); }
export function mse(call: usize, _part: i32, _parts: i32): void { total<SquaredError>(call); }
export function mseGradient(call: usize, part: i32, parts: i32): void { slopes<SquaredError>(call, part, parts); }
export function huber(call: usize, _part: i32, _parts: i32): void { total<Huber>(call); }
export function huberGradient(call: usize, part: i32, parts: i32): void { slopes<Huber>(call, part, parts); }
export function bce(call: usize, _part: i32, _parts: i32): void { total<Bce>(call); }
export function bceGradient(call: usize, part: i32, parts: i32): void { slopes<Bce>(call, part, parts); }
