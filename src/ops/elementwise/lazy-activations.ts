import { safeSigmoid } from "../../../shaders/math.ts";
import { logistic } from "../../core/logistic.ts";
import { type Activation, activation, expRounding } from "./activation.ts";

/** Activations that few nets want: they load with the first graph that has one. */

export const hardSigmoid = activation({
  name: "hardSigmoid",
  fn: (x) => Math.min(Math.max((x + 3) / 6, 0), 1),
  dfn: (x) => (x > -3 && x < 3 ? 1 / 6 : 0),
  of: "x",
  includes: [],
  wgsl: "min(max((x + 3.0) * 0.16666667, 0.0), 1.0)",
  wgslGradient: "select(0.0, 0.16666667, (x > -3.0) & (x < 3.0))",
  rounding: () => 6,
  // A compiler may multiply out: x / 6 + 0.5 (NVIDIA's does).
  floor: 2,
  gradientRounding: () => 2,
});

export const hardSwish = activation({
  name: "hardSwish",
  fn: (x) => (x >= 3 ? x : x <= -3 ? 0 : (x * (x + 3)) / 6),
  dfn: (x) => (x >= 3 ? 1 : x <= -3 ? 0 : x / 3 + 0.5),
  of: "x",
  includes: [],
  wgsl: "select(max(x, -3.0) * (max(x, -3.0) + 3.0) * 0.16666667, x, x >= 3.0)",
  wgslGradient: "select(select(x * 0.33333334 + 0.5, 0.0, x <= -3.0), 1.0, x >= 3.0)",
  rounding: () => 8,
  // As above: x x / 6 + x / 2, whose terms cancel near -3.
  floor: 6,
  gradientRounding: () => 6,
  // Near -1.5 the two terms cancel.
  gradientFloor: 4,
});

/**
 * tanh(softplus(x)) out of e = exp(-|x|), in sums of positive terms alone: with D = e (e + 2) + 2 below 0 it is
 * e (e + 2) / D, with D = 1 + 2 e + 2 e e above it is (1 + 2 e) / D.
 */
const mishParts = `
fn mishTanh(x: f32) -> f32 {
  let e = exp(-abs(x));
  let below = e * (e + 2.0);
  return select(below / (below + 2.0), (1.0 + 2.0 * e) / (1.0 + 2.0 * e * (1.0 + e)), x >= 0.0);
}
fn mishSlope(x: f32) -> f32 {
  let e = exp(-abs(x));
  let d = select(e * (e + 2.0) + 2.0, 1.0 + 2.0 * e * (1.0 + e), x >= 0.0);
  return 4.0 * e * (1.0 + e) * select(1.0, e, x >= 0.0) / (d * d);
}
`;

function mishTanh(x: number): number {
  const e = Math.exp(-Math.abs(x));
  return x >= 0 ? (1 + 2 * e) / (1 + 2 * e * (1 + e)) : (e * (e + 2)) / (e * (e + 2) + 2);
}

/** d tanh(softplus(x)) / dx = (1 - tanh^2) sigmoid(x), in the same parts. */
function mishSlope(x: number): number {
  const e = Math.exp(-Math.abs(x));
  const d = x >= 0 ? 1 + 2 * e * (1 + e) : e * (e + 2) + 2;
  return (4 * e * (1 + e) * (x >= 0 ? e : 1)) / (d * d);
}

export const mish = activation({
  name: "mish",
  fn: (x) => (x === Number.NEGATIVE_INFINITY ? 0 : x * mishTanh(x)),
  dfn: (x) => mishTanh(x) + x * mishSlope(x),
  of: "x",
  includes: [mishParts],
  wgsl: "x * mishTanh(x)",
  wgslGradient: "mishTanh(x) + x * mishSlope(x)",
  rounding: (x) => expRounding(x) + 24,
  gradientRounding: (x) => 2 * expRounding(x) + 40,
  // Near -1.2 the two terms cancel.
  gradientFloor: 24,
});

/** Twice the argument of tanh: x (a + b x x), with a = 2 sqrt(2 / pi) and b = 0.044715 a. */
const A = 2 * Math.sqrt(2 / Math.PI);
const B = 0.044715 * A;
const argument = (x: number): number => x * (A + B * x * x);
/** Roundings of the argument reach the result as often as it is large. */
const geluRounding = (x: number): number => {
  const z = Math.min(Math.abs(argument(x)), 104);
  return expRounding(z) + 8 * z;
};
const clipped = (x: number): number => Math.min(Math.max(x, -20), 20);

const geluTanhSlope = `
// Beyond 20 it is 0 or 1, and the cube would overflow.
fn geluTanhSlope(v: f32) -> f32 {
  let x = clamp(v, -20.0, 20.0);
  let z = x * (${A} + ${B} * x * x);
  let s = safeSigmoid(z);
  return s + x * s * safeSigmoid(-z) * (${A} + ${3 * B} * x * x);
}
`;

/** The tanh form, x (1 + tanh(...)) / 2 = x sigmoid(2 ...): GPT-2's, and tfjs's gelu_new. */
export const geluTanh = activation({
  name: "geluTanh",
  fn: (x) => (x === Number.NEGATIVE_INFINITY ? 0 : x * logistic(argument(x))),
  dfn(v) {
    const x = clipped(v);
    const s = logistic(argument(x));
    return s + x * s * logistic(-argument(x)) * (A + 3 * B * x * x);
  },
  of: "x",
  includes: [safeSigmoid, geluTanhSlope],
  wgsl: `x * safeSigmoid(x * (${A} + ${B} * x * x))`,
  wgslGradient: "geluTanhSlope(x)",
  rounding: (x) => geluRounding(x) + 20,
  gradientRounding: (x) => 2 * geluRounding(clipped(x)) + 40,
  // Near -0.75 the two terms cancel.
  gradientFloor: 24,
});

/** By name, as in model files. */
export const lazyActivations: Readonly<Record<string, Activation>> = { hardSigmoid, hardSwish, mish, geluTanh };
