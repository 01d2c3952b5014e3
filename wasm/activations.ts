import { backward, forward } from "./activation";
import { exp4, log1pUnit4, sigmoid4, tanh4 } from "./math";

// @ts-ignore: decorator
@inline
function s(x: f32): v128 {
  return f32x4.splat(x);
}

/**
 * One activation: f(x), and its derivative d(v), of the input or of the output as src/ops/elementwise/activations.ts has it.
 * A class without fields, so that the loops below are compiled once for each.
 */
// @ts-ignore: decorator
@unmanaged
class Relu {
  @inline f(x: v128, _a: v128): v128 { return f32x4.max(x, s(0)); }
  @inline d(y: v128, _a: v128): v128 { return v128.and(f32x4.gt(y, s(0)), s(1)); }
}

// @ts-ignore: decorator
@unmanaged
class Relu6 {
  @inline f(x: v128, _a: v128): v128 { return f32x4.min(f32x4.max(x, s(0)), s(6)); }
  @inline d(y: v128, _a: v128): v128 {
    return v128.and(v128.and(f32x4.gt(y, s(0)), f32x4.lt(y, s(6))), s(1));
  }
}

// @ts-ignore: decorator
@unmanaged
class LeakyRelu {
  @inline f(x: v128, a: v128): v128 { return v128.bitselect(x, f32x4.mul(a, x), f32x4.gt(x, s(0))); }
  @inline d(x: v128, a: v128): v128 { return v128.bitselect(s(1), a, f32x4.gt(x, s(0))); }
}

/** expm1(x) = tanh(x / 2) (exp(x) + 1), which does not cancel near 0; of 0 where x is above. */
// @ts-ignore: decorator
@inline
function expm1Below(x: v128): v128 {
  const n = f32x4.min(x, s(0));
  return f32x4.mul(tanh4(f32x4.mul(s(0.5), n)), f32x4.add(exp4(n), s(1)));
}

// @ts-ignore: decorator
@unmanaged
class Elu {
  @inline f(x: v128, a: v128): v128 {
    return v128.bitselect(x, f32x4.mul(a, expm1Below(x)), f32x4.gt(x, s(0)));
  }
  @inline d(x: v128, a: v128): v128 {
    return v128.bitselect(s(1), f32x4.mul(a, exp4(f32x4.min(x, s(0)))), f32x4.gt(x, s(0)));
  }
}

// @ts-ignore: decorator
@unmanaged
class Selu {
  @inline f(x: v128, _a: v128): v128 {
    const above = f32x4.mul(s(1.0507009873554805), x);
    return v128.bitselect(above, f32x4.mul(s(1.7580993408473766), expm1Below(x)), f32x4.gt(x, s(0)));
  }
  @inline d(x: v128, _a: v128): v128 {
    const below = f32x4.mul(s(1.7580993408473766), exp4(f32x4.min(x, s(0))));
    return v128.bitselect(s(1.0507009873554805), below, f32x4.gt(x, s(0)));
  }
}

// @ts-ignore: decorator
@unmanaged
class Sigmoid {
  @inline f(x: v128, _a: v128): v128 { return sigmoid4(x); }
  @inline d(y: v128, _a: v128): v128 { return f32x4.mul(y, f32x4.sub(s(1), y)); }
}

// @ts-ignore: decorator
@unmanaged
class Tanh {
  @inline f(x: v128, _a: v128): v128 { return tanh4(x); }
  @inline d(y: v128, _a: v128): v128 { return f32x4.mul(f32x4.sub(s(1), y), f32x4.add(s(1), y)); }
}

// @ts-ignore: decorator
@unmanaged
class Softplus {
  @inline f(x: v128, _a: v128): v128 {
    return f32x4.add(f32x4.max(x, s(0)), log1pUnit4(exp4(f32x4.neg(f32x4.abs(x)))));
  }
  @inline d(x: v128, _a: v128): v128 { return sigmoid4(x); }
}

// @ts-ignore: decorator
@unmanaged
class Silu {
  @inline f(x: v128, _a: v128): v128 { return f32x4.mul(f32x4.max(x, s(-200)), sigmoid4(x)); }
  @inline d(x: v128, _a: v128): v128 {
    return f32x4.mul(sigmoid4(x), f32x4.add(s(1), f32x4.mul(x, sigmoid4(f32x4.neg(x)))));
  }
}

export function relu(call: usize, part: i32, parts: i32): void { forward<Relu>(call, part, parts); }
export function reluGradient(call: usize, part: i32, parts: i32): void { backward<Relu>(call, part, parts); }
export function relu6(call: usize, part: i32, parts: i32): void { forward<Relu6>(call, part, parts); }
export function relu6Gradient(call: usize, part: i32, parts: i32): void { backward<Relu6>(call, part, parts); }
export function leakyRelu(call: usize, part: i32, parts: i32): void { forward<LeakyRelu>(call, part, parts); }
export function leakyReluGradient(call: usize, part: i32, parts: i32): void { backward<LeakyRelu>(call, part, parts); }
export function elu(call: usize, part: i32, parts: i32): void { forward<Elu>(call, part, parts); }
export function eluGradient(call: usize, part: i32, parts: i32): void { backward<Elu>(call, part, parts); }
export function selu(call: usize, part: i32, parts: i32): void { forward<Selu>(call, part, parts); }
export function seluGradient(call: usize, part: i32, parts: i32): void { backward<Selu>(call, part, parts); }
export function sigmoid(call: usize, part: i32, parts: i32): void { forward<Sigmoid>(call, part, parts); }
export function sigmoidGradient(call: usize, part: i32, parts: i32): void { backward<Sigmoid>(call, part, parts); }
export function tanh(call: usize, part: i32, parts: i32): void { forward<Tanh>(call, part, parts); }
export function tanhGradient(call: usize, part: i32, parts: i32): void { backward<Tanh>(call, part, parts); }
export function softplus(call: usize, part: i32, parts: i32): void { forward<Softplus>(call, part, parts); }
export function softplusGradient(call: usize, part: i32, parts: i32): void { backward<Softplus>(call, part, parts); }
export function silu(call: usize, part: i32, parts: i32): void { forward<Silu>(call, part, parts); }
export function siluGradient(call: usize, part: i32, parts: i32): void { backward<Silu>(call, part, parts); }
