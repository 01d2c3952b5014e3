import { log1p, safeSigmoid } from "../../../shaders/math.ts";
import { logistic } from "../../core/logistic.ts";
import { elementwiseLoss } from "./elementwise-loss.ts";

/** (p - t)^2 and its slope, shared by the squared errors. */
const square = {
  term: (p: number, t: number) => (p - t) ** 2,
  slope: (p: number, t: number) => 2 * (p - t),
  includes: [],
  wgsl: "(p - t) * (p - t)",
  wgslSlope: "2.0 * (p - t)",
  rounding: 6,
  slopeRounding: 3,
};

/** The tutorial's loss: the sum over all elements of (p - t)^2. */
export const sumSquaredError = elementwiseLoss({ ...square, name: "sumSquaredError", mean: false });

/** Mean over all elements of (p - t)^2. */
export const mse = elementwiseLoss({ ...square, name: "mse", mean: true });

/** Mean over all elements of d^2 / 2 where |d| < 1, |d| - 1/2 beyond. */
export const huber = elementwiseLoss({
  name: "huber",
  mean: true,
  term: (p, t) => (Math.abs(p - t) < 1 ? 0.5 * (p - t) ** 2 : Math.abs(p - t) - 0.5),
  slope: (p, t) => Math.max(-1, Math.min(1, p - t)),
  includes: [],
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
  slope: (p, t) => logistic(p) - t,
  includes: [log1p, safeSigmoid],
  wgsl: "max(p, 0.0) - p * t + log1pUnit(exp(-abs(p)))",
  wgslSlope: "safeSigmoid(p) - t",
  rounding: 24,
  slopeRounding: 24,
  // The terms cancel when the label agrees with a large logit: their size, not the result's, sets the error.
  magnitude: (p, t) => Math.abs(p) + Math.abs(p * t) + 1,
  slopeMagnitude: (_p, t) => 1 + Math.abs(t),
  targets: "unit",
});

/** All that people choose from. */
export const elementwiseLosses = [sumSquaredError, mse, huber, bce] as const;

/**
 * The squared error with the gradient that the tutorial's code printed: 2 p where it should be 2 (p - t).
 * Kept so that everyone can see a gradient check find it. Not in the op list: it fails every check, as it should.
 */
export const sumSquaredErrorAsPublished = elementwiseLoss({
  ...square,
  name: "sumSquaredErrorAsPublished",
  mean: false,
  slope: (p) => 2 * p,
  wgslSlope: "2.0 * p",
});

/** By the names that model files have. */
export const lossOps = { sumSquaredError, mse, huber, bce, sumSquaredErrorAsPublished };
