/** Checks as a library: gradients of the user's own net, and conformance of every kernel. */
export { checkGradients, type GradientReport, type TensorCheck } from "./gradients.ts";
export { conformAll, type ConformanceResult } from "./conformance.ts";
