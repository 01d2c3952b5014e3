/** A second module on the same memory and table: kernels that only some nets call. It loads with the first program that does. */
export * from "./augment";
export * from "./avg-pool";
export * from "./batch-norm";
export * from "./channel-bias";
export { convolve, packKernel } from "./conv";
export { convWeights } from "./conv-weights";
export * from "./embedding";
export * from "./group-norm";
export * from "./lazy-activations";
export * from "./log-softmax";
export * from "./maxout";
export * from "./multiplied";
export * from "./max-pool";
export * from "./prelu";
export * from "./rms-norm";
export * from "./shape";
export * from "./token-windows";
export * from "./upsample";
