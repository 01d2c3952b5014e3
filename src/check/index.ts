/** Checks as a library: gradients of the user's own net, conformance of every kernel, and both for an op of one's own. */

export type { ConformanceResult } from "../backend/webgpu/conform.ts";
export { conformAll } from "./conformance.ts";
export { checkGradients, type GradientReport, type TensorCheck } from "./gradients.ts";
export { checkOp, type OpReport } from "./op.ts";
