import { wgsl } from "./wgsl.ts";

/**
 * Functions that WGSL lacks or promises too little of. Finite in, finite out.
 * exp is within (3 + 2|x|) ulp and log within 2^-21 near 1 by the language's own rules, so these avoid both
 * where it matters.
 */

/** log(1 + e) for e in [0, 1], as 2 atanh(e / (2 + e)); the series stops at s^15, below 2e-9 relative. */
export const log1p = wgsl`
fn log1pUnit(e: f32) -> f32 {
  let s = e / (2.0 + e);
  let q = s * s;
  let series = 1.0 + q * (0.33333333 + q * (0.2 + q * (0.14285714 + q * (0.11111111 + q * (0.09090909 + q * (0.07692308 + q * 0.06666667))))));
  return 2.0 * s * series;
}
`;

/** tanh from exp(-2|x|); below 0.3 the odd Taylor polynomial, where 1 - exp would cancel. */
export const safeTanh = wgsl`
fn safeTanh(x: f32) -> f32 {
  let a = abs(x);
  let b = min(a, 0.3);
  let q = b * b;
  let near = x * (1.0 + q * (-0.33333333 + q * (0.13333333 + q * (-0.053968254 + q * (0.021869488 + q * -0.0088632355)))));
  let e = exp(-2.0 * a);
  return select(sign(x) * ((1.0 - e) / (1.0 + e)), near, a < 0.3);
}
`;

export const safeSigmoid = wgsl`
fn safeSigmoid(x: f32) -> f32 {
  let e = exp(-abs(x));
  let r = 1.0 / (1.0 + e);
  return select(e * r, r, x >= 0.0);
}
`;

/**
 * The standard normal distribution's tail Phi(-a), a >= 0: the bell exp(-a a / 2) times a smooth function, t P(t) with
 * t = 1 / (1 + 0.27 a), where P is the polynomial of degree 8 whose greatest relative error is least, 2.4e-8.
 */
export const normalTail = wgsl`
fn normalTail(a: f32, bell: f32) -> f32 {
  let t = 1.0 / (1.0 + 0.27 * a);
  let p = 0.107720658 + t * (0.107542872 + t * (0.101810604 + t * (0.0720496252 + t * (0.107825592
    + t * (-0.0692107156 + t * (0.169786125 + t * (-0.126485839 + t * 0.0289610978)))))));
  return bell * (t * p);
}
`;

/** cos(pi t) for t in [0, 1] as -sin(pi (t - 1/2)); WGSL's own cos may be off by 2^-11. */
export const cosPi = wgsl`
fn cosPi(t: f32) -> f32 {
  let s = (t - 0.5) * 3.14159265;
  let q = s * s;
  return -s * (1.0 + q * (-0.16666667 + q * (0.0083333333 + q * (-0.00019841270 + q * (2.7557319e-6 + q * -2.5052108e-8)))));
}
`;

/** 2^t with the whole part of t put into the exponent, so that only t's own rounding tells. */
export const wideExp2 = wgsl`
fn wideExp2(t: f32) -> f32 {
  let whole = clamp(floor(t), -126.0, 127.0);
  return ldexp(exp2(t - whole), i32(whole));
}
`;
