/** Checks as a library: gradients of the user's own net, and conformance of every kernel. */

export type { ConformanceResult } from "../backend/webgpu/conform.ts";
export { conformAll } from "./conformance.ts";
export { checkGradients, type GradientReport, type TensorCheck } from "./gradients.ts";
