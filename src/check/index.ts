/**
 * Checks: the gradients of a net of your own, held against f64 and finite differences, every kernel against its op's
 * reference, and both for an op of your own.
 *
 * @module chainrule/check
 */

export type { ConformanceOptions, ConformanceResult } from "../backend/webgpu/conform.ts";
export type { Comparison } from "../core/compare.ts";
export { ops } from "../ops/all.ts";
export { conformAll } from "./conformance.ts";
export type { FiniteDifferenceResult } from "./finite-differences.ts";
export {
  checkGradients,
  type GradientCheckOptions,
  type GradientReport,
  type TensorCheck,
  type TensorValues,
} from "./gradients.ts";
export { type CheckOpOptions, checkOp, type OpGradientCheck, type OpReport } from "./op.ts";
