import { log1p, normalTail, safeSigmoid, safeTanh } from "../../../shaders/math.ts";
import { normalCdf as cdf, normalPdf as pdf } from "../../core/erf.ts";
import { logistic } from "../../core/logistic.ts";
import type { ActivationName } from "../names.ts";
import { type Activation, activation, expRounding } from "./activation.ts";

export const relu = activation({
  name: "relu",
  fn: (x) => (x > 0 ? x : x <= 0 ? 0 : Number.NaN),
  dfn: (y) => (y > 0 ? 1 : 0),
  of: "y",
  includes: [],
  wgsl: "max(x, 0.0)",
  wgslGradient: "select(0.0, 1.0, y > 0.0)",
  rounding: () => 0,
  gradientRounding: () => 0,
});

export const leakyRelu = activation({
  name: "leakyRelu",
  fn: (x, slope) => (x > 0 ? x : slope * x),
  dfn: (x, slope) => (x > 0 ? 1 : slope),
  of: "x",
  includes: [],
  wgsl: "select(alpha * x, x, x > 0.0)",
  wgslGradient: "select(alpha, 1.0, x > 0.0)",
  rounding: () => 2,
  gradientRounding: () => 2,
  defaultAlpha: 0.01,
});

export const relu6 = activation({
  name: "relu6",
  fn: (x) => (x > 0 ? Math.min(x, 6) : x <= 0 ? 0 : Number.NaN),
  dfn: (y) => (y > 0 && y < 6 ? 1 : 0),
  of: "y",
  includes: [],
  wgsl: "min(max(x, 0.0), 6.0)",
  wgslGradient: "select(0.0, 1.0, y > 0.0 && y < 6.0)",
  rounding: () => 0,
  gradientRounding: () => 0,
});

/** By expm1(x) = tanh(x / 2) (exp(x) + 1), which does not cancel near 0. */
const eluNegative = `
fn eluNegative(x: f32, alpha: f32) -> f32 { return alpha * safeTanh(0.5 * x) * (exp(x) + 1.0); }
`;

/** The gradient is a function of the input: alpha exp(x) from the output y would be y + alpha, which cancels. */
export const elu = activation({
  name: "elu",
  fn: (x, alpha) => (x > 0 ? x : alpha * Math.expm1(x)),
  dfn: (x, alpha) => (x > 0 ? 1 : alpha * Math.exp(x)),
  of: "x",
  includes: [safeTanh, eluNegative],
  wgsl: "select(eluNegative(min(x, 0.0), alpha), x, x > 0.0)",
  wgslGradient: "select(alpha * exp(min(x, 0.0)), 1.0, x > 0.0)",
  rounding: (x) => (x > 0 ? 0 : 40),
  gradientRounding: (x) => (x > 0 ? 0 : expRounding(x) + 4),
  defaultAlpha: 1,
});

/** Scale and alpha by which values keep mean 0 and variance 1 (Klambauer et al., 2017). */
export const SELU_SCALE = 1.0507009873554805;
export const SELU_BELOW = SELU_SCALE * 1.6732632423543772;

export const selu = activation({
  name: "selu",
  fn: (x) => (x > 0 ? SELU_SCALE * x : SELU_BELOW * Math.expm1(x)),
  dfn: (x) => (x > 0 ? SELU_SCALE : SELU_BELOW * Math.exp(x)),
  of: "x",
  includes: [safeTanh, eluNegative],
  wgsl: `select(eluNegative(min(x, 0.0), ${SELU_BELOW}), ${SELU_SCALE} * x, x > 0.0)`,
  wgslGradient: `select(${SELU_BELOW} * exp(min(x, 0.0)), ${SELU_SCALE}, x > 0.0)`,
  rounding: (x) => (x > 0 ? 4 : 44),
  gradientRounding: (x) => (x > 0 ? 2 : expRounding(x) + 6),
});

export const sigmoid = activation({
  name: "sigmoid",
  fn: logistic,
  dfn: (y) => y * (1 - y),
  of: "y",
  includes: [safeSigmoid],
  wgsl: "safeSigmoid(x)",
  wgslGradient: "y * (1.0 - y)",
  rounding: (x) => (x >= 0 ? 16 : expRounding(x) + 16),
  gradientRounding: () => 4,
});

export const tanh = activation({
  name: "tanh",
  fn: Math.tanh,
  dfn: (y) => (1 - y) * (1 + y),
  of: "y",
  includes: [safeTanh],
  wgsl: "safeTanh(x)",
  wgslGradient: "(1.0 - y) * (1.0 + y)",
  rounding: () => 32,
  gradientRounding: () => 4,
});

export const softplus = activation({
  name: "softplus",
  fn: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  dfn: logistic,
  of: "x",
  includes: [log1p, safeSigmoid],
  wgsl: "max(x, 0.0) + log1pUnit(exp(-abs(x)))",
  wgslGradient: "safeSigmoid(x)",
  rounding: (x) => (x >= 0 ? 16 : expRounding(x) + 24),
  gradientRounding: (x) => (x >= 0 ? 16 : expRounding(x) + 16),
});

/** x Phi(x) = max(x, 0) - |x| Phi(-|x|), and its slope, whose two terms share an exponential. */
const gaussGate = `
fn gaussGate(x: f32) -> f32 {
  let a = min(abs(x), 20.0);
  return max(x, 0.0) - a * normalTail(a, exp(-0.5 * a * a));
}
fn gaussGateSlope(x: f32) -> f32 {
  let a = min(abs(x), 20.0);
  let bell = exp(-0.5 * a * a);
  let tail = normalTail(a, bell);
  return select(1.0 - tail, tail, x < 0.0) + x * (0.39894228 * bell);
}
`;

/** Exact, with the normal distribution function; not the tanh approximation. */
export const gelu = activation({
  name: "gelu",
  fn: (x) => (x === Number.NEGATIVE_INFINITY ? 0 : x * cdf(x)),
  dfn: (x) => cdf(x) + x * pdf(x),
  of: "x",
  includes: [normalTail, gaussGate],
  wgsl: "gaussGate(x)",
  wgslGradient: "gaussGateSlope(x)",
  rounding: (x) => (x >= 0 ? 24 : 40 + 3 * x * x),
  gradientRounding: (x) => 40 + 3 * Math.min(x * x, 400),
  // Near x = -0.75 the two terms cancel; each is below 0.3 there.
  gradientFloor: 24,
  arrange: async () => (await import("./gelu-slope.ts")).keepSlopes,
});

export const silu = activation({
  name: "silu",
  fn: (x) => (x === Number.NEGATIVE_INFINITY ? 0 : x * logistic(x)),
  dfn: (x) => logistic(x) * (1 + x * (1 - logistic(x))),
  of: "x",
  includes: [safeSigmoid],
  wgsl: "x * safeSigmoid(x)",
  // 1 - sigmoid(x) is sigmoid(-x), without the cancellation.
  wgslGradient: "safeSigmoid(x) * (1.0 + x * safeSigmoid(-x))",
  rounding: (x) => (x >= 0 ? 20 : expRounding(x) + 20),
  gradientRounding: (x) => 2 * expRounding(x) + 40,
  gradientFloor: 24,
});

/** By name, as in model files. */
export const activations: Readonly<Record<string, Activation>> = {
  relu,
  relu6,
  leakyRelu,
  elu,
  selu,
  sigmoid,
  tanh,
  softplus,
  gelu,
  silu,
} satisfies Record<ActivationName, Activation>;
