import { log1p, safeSigmoid } from "../../shaders/math.ts";
import { elementwiseLoss } from "./elementwise-loss.ts";

const sigmoid = (x: number): number => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));

/** The tutorial's loss: the sum over all elements of (p - t)^2. */
export const sumSquaredError = elementwiseLoss({
  name: "sumSquaredError",
  mean: false,
  term: (p, t) => (p - t) ** 2,
  slope: (p, t) => 2 * (p - t),
  includes: "",
  wgsl: "(p - t) * (p - t)",
  wgslSlope: "2.0 * (p - t)",
  rounding: 6,
  slopeRounding: 3,
});

/** Mean over all elements of (p - t)^2. */
export const mse = elementwiseLoss({
  name: "mse",
  mean: true,
  term: (p, t) => (p - t) ** 2,
  slope: (p, t) => 2 * (p - t),
  includes: "",
  wgsl: "(p - t) * (p - t)",
  wgslSlope: "2.0 * (p - t)",
  rounding: 6,
  slopeRounding: 3,
});

/** Mean over all elements of d^2 / 2 where |d| < 1, |d| - 1/2 beyond. */
export const huber = elementwiseLoss({
  name: "huber",
  mean: true,
  term: (p, t) => (Math.abs(p - t) < 1 ? 0.5 * (p - t) ** 2 : Math.abs(p - t) - 0.5),
  slope: (p, t) => Math.max(-1, Math.min(1, p - t)),
  includes: "",
  wgsl: "select(abs(p - t) - 0.5, 0.5 * (p - t) * (p - t), abs(p - t) < 1.0)",
  wgslSlope: "clamp(p - t, -1.0, 1.0)",
  rounding: 8,
  slopeRounding: 3,
});

/** Binary cross-entropy from logits, mean over all elements: max(p, 0) - p t + log(1 + exp(-|p|)). */
export const bce = elementwiseLoss({
  name: "bce",
  mean: true,
  term: (p, t) => Math.max(p, 0) - p * t + Math.log1p(Math.exp(-Math.abs(p))),
  slope: (p, t) => sigmoid(p) - t,
  includes: log1p + safeSigmoid,
  wgsl: "max(p, 0.0) - p * t + log1pUnit(exp(-abs(p)))",
  wgslSlope: "safeSigmoid(p) - t",
  rounding: 24,
  slopeRounding: 24,
  // The terms cancel when the label agrees with a large logit: their size, not the result's, sets the error.
  magnitude: (p, t) => Math.abs(p) + Math.abs(p * t) + 1,
  slopeMagnitude: (_p, t) => 1 + Math.abs(t),
  targets: "unit",
});

/**
 * The squared error with the gradient that the tutorial's code printed: 2 p where it should be 2 (p - t).
 * Kept so that everyone can see a gradient check find it. Not in the op list: it fails every check, as it should.
 */
export const sumSquaredErrorAsPublished = elementwiseLoss({
  name: "sumSquaredErrorAsPublished",
  mean: false,
  term: (p, t) => (p - t) ** 2,
  slope: (p) => 2 * p,
  includes: "",
  wgsl: "(p - t) * (p - t)",
  wgslSlope: "2.0 * p",
  rounding: 6,
  slopeRounding: 3,
});
