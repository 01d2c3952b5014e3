import { at, begin, get, int, madd, put } from "./core";
import { held } from "./math";

/**
 * GELU and its slope, x Phi(x) and Phi(x) + x phi(x). Their constants, twenty, are held: elsewhere as in math.ts. bell is
 * exp(-a a / 2) as a power of two, by a polynomial of degree 5 for what is left of the exponent; tail is Phi(-a), by the fit
 * that shaders/math.ts uses as well. NaN in, NaN out.
 */

/** (x, y, n, alpha): y = x Phi(x); y may be x. */
export function gelu(call: usize, part: i32, parts: i32): void {
  each<f32>(call, part, parts);
}

/** (dy, x, dx, n, alpha): dx = dy times the slope at x. */
export function geluGradient(call: usize, part: i32, parts: i32): void {
  each<i32>(call, part, parts);
}

/** (x, y, n): y as above, and x becomes the slope there: what the way back multiplies with, where x has no other reader. */
export function geluWithSlope(call: usize, part: i32, parts: i32): void {
  each<f64>(call, part, parts);
}

/** The way back where T is a type of integers, both where it is f64. */
// @ts-ignore: decorator
@inline
function each<T>(call: usize, part: i32, parts: i32): void {
  const back = isInteger<T>() ? 1 : 0;
  const x0 = at(call, back);
  const y0 = at(call, 1 + back);
  const zero = parts >> 31;
  const far = held(20, zero), square = held(-0.72134752, zero), least = held(-130, zero), round = held(12582912, zero);
  const e5 = held(0.00132764715, zero), e4 = held(0.00967554133, zero), e3 = held(0.0555071327, zero);
  const e2 = held(0.240221197, zero), e1 = held(0.693146967, zero), e0 = held(1.00000007, zero);
  const bias = held(12582785, zero);
  const near = held(0.27, zero), one = held(1, zero), peak = held(0.39894228, zero);
  const t8 = held(0.0289610978, zero), t7 = held(-0.126485839, zero), t6 = held(0.169786125, zero);
  const t5 = held(-0.0692107156, zero), t4 = held(0.107825592, zero), t3 = held(0.0720496252, zero);
  const t2 = held(0.101810604, zero), t1 = held(0.107542872, zero), t0 = held(0.107720658, zero);
  const nothing = i32x4.splat(zero);
  const end = begin(int(call, 2 + back), part + 1, parts, 16);
  for (let i = begin(int(call, 2 + back), part, parts, 16); i < end; i += 4) {
    const o = <usize>i << 2;
    const x = get(x0 + o, end - i);
    // Far below 0 the result is 0, and infinity times 0 must not come up.
    const a = f32x4.pmin(f32x4.abs(x), far);
    const low = f32x4.pmax(f32x4.mul(f32x4.mul(a, a), square), least);
    // Adding 1.5 2^23 rounds to a whole number, which then stands in the low bits.
    const shifted = f32x4.add(low, round);
    const r = f32x4.sub(low, f32x4.sub(shifted, round));
    const p = madd(madd(madd(madd(madd(e5, r, e4), r, e3), r, e2), r, e1), r, e0);
    // Below the least exponent there is 0.
    const bell = f32x4.mul(p, i32x4.shl(i32x4.max_s(i32x4.sub(shifted, bias), nothing), 23));
    const u = f32x4.div(one, madd(near, a, one));
    const high = madd(madd(madd(madd(t8, u, t7), u, t6), u, t5), u, t4);
    const fit = madd(madd(madd(madd(high, u, t3), u, t2), u, t1), u, t0);
    const tail = f32x4.mul(f32x4.mul(fit, u), bell);
    if (sizeof<T>() == 8 || !isInteger<T>()) put(y0 + o, f32x4.sub(f32x4.pmax(nothing, x), f32x4.mul(a, tail)), end - i);
    if (sizeof<T>() == 8 || isInteger<T>()) {
      const whole = v128.bitselect(tail, f32x4.sub(one, tail), f32x4.lt(x, nothing));
      const slope = madd(x, f32x4.mul(bell, peak), whole);
      if (isInteger<T>()) put(y0 + o, f32x4.mul(get(at(call, 0) + o, end - i), slope), end - i);
      else put(x0 + o, slope, end - i);
    }
  }
}
