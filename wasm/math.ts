import { madd } from "./core";

/** Functions of four floats at once. NaN in, NaN out; no table, so that the module holds no data. */

// @ts-ignore: decorator
@inline
function splat(x: f32): v128 {
  return f32x4.splat(x);
}

/**
 * x in all lanes, for loops: `zero` is 0 and no compiler knows it. Engines make a constant anew wherever it is used, in three
 * instructions; what is computed before a loop stays in a register, or lies on the stack, from where an instruction takes it.
 */
// @ts-ignore: decorator
@inline
export function held(x: f32, zero: i32): v128 {
  return v128.or(f32x4.splat(x), i32x4.splat(zero));
}

/** exp, to about 1.5 ulp: n = round(x / ln 2) taken out in two parts (Cody and Waite), a Taylor polynomial for the rest. */
export function exp4(x: v128): v128 {
  const t = f32x4.pmin(f32x4.pmax(x, splat(-105)), splat(89));
  // Adding 1.5 2^23 rounds to a whole number, which then stands in the low bits: cheaper than conversions.
  const shifted = f32x4.add(f32x4.mul(t, splat(1.44269504)), splat(12582912));
  const n = f32x4.sub(shifted, splat(12582912));
  let r = f32x4.sub(t, f32x4.mul(n, splat(0.693359375)));
  r = f32x4.add(r, f32x4.mul(n, splat(2.12194440e-4)));
  let p = splat(1.9841270e-4);
  p = f32x4.add(f32x4.mul(p, r), splat(1.3888889e-3));
  p = f32x4.add(f32x4.mul(p, r), splat(8.3333333e-3));
  p = f32x4.add(f32x4.mul(p, r), splat(4.1666667e-2));
  p = f32x4.add(f32x4.mul(p, r), splat(0.16666667));
  p = f32x4.add(f32x4.mul(p, r), splat(0.5));
  p = f32x4.add(f32x4.mul(f32x4.mul(r, r), p), r);
  p = f32x4.add(p, splat(1));
  // 2^n in two factors: n goes beyond what one exponent field holds.
  const whole = i32x4.sub(shifted, splat(12582912));
  const half = i32x4.shr_s(whole, 1);
  const rest = i32x4.sub(whole, half);
  return f32x4.mul(f32x4.mul(p, power2(half)), power2(rest));
}

// @ts-ignore: decorator
@inline
function power2(n: v128): v128 {
  return i32x4.shl(i32x4.add(n, i32x4.splat(127)), 23);
}

export function exp1(x: f32): f32 {
  return f32x4.extract_lane(exp4(splat(x)), 0);
}

/** tanh from exp(-2|x|); below 0.3 the odd Taylor polynomial, where 1 - exp would cancel. */
export function tanh4(x: v128): v128 {
  const a = f32x4.abs(x);
  const q = f32x4.mul(x, x);
  let s = splat(-0.0088632355);
  s = f32x4.add(f32x4.mul(s, q), splat(0.021869488));
  s = f32x4.add(f32x4.mul(s, q), splat(-0.053968254));
  s = f32x4.add(f32x4.mul(s, q), splat(0.13333333));
  s = f32x4.add(f32x4.mul(s, q), splat(-0.33333333));
  const near = f32x4.add(x, f32x4.mul(x, f32x4.mul(q, s)));
  const e = exp4(f32x4.mul(a, splat(-2)));
  const size = f32x4.div(f32x4.sub(splat(1), e), f32x4.add(splat(1), e));
  const far = v128.or(size, v128.and(x, i32x4.splat(0x80000000)));
  return v128.bitselect(near, far, f32x4.lt(a, splat(0.3)));
}

/** 1 / (1 + exp(-x)) without overflow on either side. */
export function sigmoid4(x: v128): v128 {
  const e = exp4(f32x4.neg(f32x4.abs(x)));
  const r = f32x4.div(splat(1), f32x4.add(splat(1), e));
  return v128.bitselect(r, f32x4.mul(e, r), f32x4.ge(x, splat(0)));
}

/** log(1 + e) for e in [0, 1], as 2 atanh(e / (2 + e)). */
export function log1pUnit4(e: v128): v128 {
  const s = f32x4.div(e, f32x4.add(splat(2), e));
  const q = f32x4.mul(s, s);
  let p = splat(0.06666667);
  p = f32x4.add(f32x4.mul(p, q), splat(0.07692308));
  p = f32x4.add(f32x4.mul(p, q), splat(0.09090909));
  p = f32x4.add(f32x4.mul(p, q), splat(0.11111111));
  p = f32x4.add(f32x4.mul(p, q), splat(0.14285714));
  p = f32x4.add(f32x4.mul(p, q), splat(0.2));
  p = f32x4.add(f32x4.mul(p, q), splat(0.33333333));
  p = f32x4.add(f32x4.mul(p, q), splat(1));
  return f32x4.mul(f32x4.add(s, s), p);
}

/**
 * exp(scale x - top) in the place of `count` vectors, `step` bytes apart from p on, and their sum. Arguments are at most 0 but
 * for rounding, as of scores from which the largest was taken: half the work of exp4, and off by as many units of the last
 * place as the argument is times log2 e. 2^t by a polynomial of degree 5 for what is left of t, within 7.5e-8; of minus infinity
 * 0, and from t = -126 down.
 */
export function exponentials(p: usize, step: usize, count: i32, scale: v128, top: v128): v128 {
  const zero = count >> 31;
  const log2e = held(1.44269504, zero), least = held(-130, zero), round = held(12582912, zero), bias = held(12582785, zero);
  const e5 = held(0.00132764715, zero), e4 = held(0.00967554133, zero), e3 = held(0.0555071327, zero);
  const e2 = held(0.240221197, zero), e1 = held(0.693146967, zero), e0 = held(1.00000007, zero);
  const nothing = i32x4.splat(zero);
  let sum = f32x4.splat(0);
  for (; count > 0; count--) {
    const x = f32x4.sub(f32x4.mul(v128.load(p), scale), top);
    const t = f32x4.pmax(f32x4.mul(x, log2e), least);
    const shifted = f32x4.add(t, round);
    const r = f32x4.sub(t, f32x4.sub(shifted, round));
    const q = madd(madd(madd(madd(madd(e5, r, e4), r, e3), r, e2), r, e1), r, e0);
    // Below the least exponent there is 0.
    const e = f32x4.mul(q, i32x4.shl(i32x4.max_s(i32x4.sub(shifted, bias), nothing), 23));
    v128.store(p, e);
    sum = f32x4.add(sum, e);
    p += step;
  }
  return sum;
}

/** Natural logarithm of x >= 1 in f64, by 2 atanh((m - 1) / (m + 1)) of the mantissa m in [1/sqrt 2, sqrt 2). */
export function logOf(x: f64): f64 {
  if (!(x < Infinity)) return x;
  const bits = reinterpret<u64>(x);
  let exponent = <i32>(bits >> 52) - 1023;
  let m = reinterpret<f64>((bits & 0x000fffffffffffff) | 0x3ff0000000000000);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    exponent += 1;
  }
  const s = (m - 1) / (m + 1);
  const q = s * s;
  let p: f64 = 0;
  for (let k = 21; k > 0; k -= 2) p = p * q + 1 / <f64>k;
  return <f64>exponent * 0.6931471805599453 + 2 * s * p;
}

/** cos(pi t) for t in [0, 1], as -sin(pi (t - 1/2)) by its Taylor series in f64. */
export function cosPi(t: f64): f64 {
  const s = (t - 0.5) * 3.141592653589793;
  const q = s * s;
  let term = s;
  let sum = s;
  for (let k = 2; k < 24; k += 2) {
    term *= -q / <f64>(k * (k + 1));
    sum += term;
  }
  return -sum;
}

/** 2^t in f64: the whole part into the exponent, the Taylor series of exp for the rest. */
export function exp2Of(t: f64): f64 {
  const whole = max<f64>(-1022, min<f64>(1023, floor(t)));
  const x = (t - whole) * 0.6931471805599453;
  let term: f64 = 1;
  let sum: f64 = 1;
  for (let k = 1; k < 20; k++) {
    term *= x / <f64>k;
    sum += term;
  }
  return sum * reinterpret<f64>((<u64>(<i64>whole + 1023)) << 52);
}
