import { backward, forward } from "./activation";
import { exp4, sigmoid4 } from "./math";

// @ts-ignore: decorator
@inline
function s(x: f32): v128 {
  return f32x4.splat(x);
}

/** As in activations.ts; the formulas are those of src/ops/elementwise/lazy-activations.ts. */
// @ts-ignore: decorator
@unmanaged
class HardSigmoid {
  @inline f(x: v128, _a: v128): v128 {
    return f32x4.min(f32x4.max(f32x4.mul(f32x4.add(x, s(3)), s(0.16666667)), s(0)), s(1));
  }
  @inline d(x: v128, _a: v128): v128 {
    return v128.and(v128.and(f32x4.gt(x, s(-3)), f32x4.lt(x, s(3))), s(0.16666667));
  }
}

// @ts-ignore: decorator
@unmanaged
class HardSwish {
  @inline f(x: v128, _a: v128): v128 {
    const n = f32x4.max(x, s(-3));
    const between = f32x4.mul(f32x4.mul(n, f32x4.add(n, s(3))), s(0.16666667));
    return v128.bitselect(x, between, f32x4.ge(x, s(3)));
  }
  @inline d(x: v128, _a: v128): v128 {
    const between = f32x4.add(f32x4.mul(x, s(0.33333334)), s(0.5));
    return v128.bitselect(s(1), v128.andnot(between, f32x4.le(x, s(-3))), f32x4.ge(x, s(3)));
  }
}

/** d of mish's tanh: of e = exp(-|x|), below 0 and above. */
// @ts-ignore: decorator
@inline
function mishBase(e: v128, above: v128): v128 {
  const more = f32x4.add(s(1), f32x4.mul(f32x4.mul(s(2), e), f32x4.add(s(1), e)));
  return v128.bitselect(more, f32x4.add(f32x4.mul(e, f32x4.add(e, s(2))), s(2)), above);
}

// @ts-ignore: decorator
@inline
function mishTanh(e: v128, above: v128): v128 {
  const top = v128.bitselect(f32x4.add(s(1), f32x4.add(e, e)), f32x4.mul(e, f32x4.add(e, s(2))), above);
  return f32x4.div(top, mishBase(e, above));
}

// @ts-ignore: decorator
@unmanaged
class Mish {
  // Below -200 the result is 0, and minus infinity times 0 must not come up.
  @inline f(x: v128, _a: v128): v128 {
    const e = exp4(f32x4.neg(f32x4.abs(x)));
    return f32x4.mul(f32x4.max(x, s(-200)), mishTanh(e, f32x4.ge(x, s(0))));
  }
  @inline d(x: v128, _a: v128): v128 {
    const e = exp4(f32x4.neg(f32x4.abs(x)));
    const above = f32x4.ge(x, s(0));
    const base = mishBase(e, above);
    const top = f32x4.mul(f32x4.mul(s(4), e), f32x4.mul(f32x4.add(s(1), e), v128.bitselect(e, s(1), above)));
    return f32x4.add(mishTanh(e, above), f32x4.mul(x, f32x4.div(top, f32x4.mul(base, base))));
  }
}

/** a and b of geluTanh's argument x (a + b x x). */
const A: f32 = 1.5957691216057308;
const B: f32 = 0.07135481627260025;

// @ts-ignore: decorator
@unmanaged
class GeluTanh {
  @inline f(x: v128, _a: v128): v128 {
    const z = f32x4.mul(x, f32x4.add(s(A), f32x4.mul(s(B), f32x4.mul(x, x))));
    return f32x4.mul(f32x4.max(x, s(-200)), sigmoid4(z));
  }
  // Beyond 20 it is 0 or 1, and the cube would overflow.
  @inline d(v: v128, _a: v128): v128 {
    const x = f32x4.min(f32x4.max(v, s(-20)), s(20));
    const q = f32x4.mul(x, x);
    const z = f32x4.mul(x, f32x4.add(s(A), f32x4.mul(s(B), q)));
    const slope = f32x4.add(s(A), f32x4.mul(s(3 * B), q));
    const p = sigmoid4(z);
    return f32x4.add(p, f32x4.mul(f32x4.mul(x, p), f32x4.mul(sigmoid4(f32x4.neg(z)), slope)));
  }
}

export function hardSigmoid(call: usize, part: i32, parts: i32): void { forward<HardSigmoid>(call, part, parts); }
export function hardSigmoidGradient(call: usize, part: i32, parts: i32): void { backward<HardSigmoid>(call, part, parts); }
export function hardSwish(call: usize, part: i32, parts: i32): void { forward<HardSwish>(call, part, parts); }
export function hardSwishGradient(call: usize, part: i32, parts: i32): void { backward<HardSwish>(call, part, parts); }
export function mish(call: usize, part: i32, parts: i32): void { forward<Mish>(call, part, parts); }
export function mishGradient(call: usize, part: i32, parts: i32): void { backward<Mish>(call, part, parts); }
export function geluTanh(call: usize, part: i32, parts: i32): void { forward<GeluTanh>(call, part, parts); }
export function geluTanhGradient(call: usize, part: i32, parts: i32): void { backward<GeluTanh>(call, part, parts); }
