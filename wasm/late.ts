/** A second module on the same memory and table: kernels that only some nets call. It loads with the first program that does. */
export * from "./batch-norm";
export * from "./group-norm";
export * from "./lazy-activations";
export * from "./log-softmax";
export * from "./maxout";
export * from "./multiplied";
export * from "./pool";
export * from "./prelu";
export * from "./shape";
export * from "./upsample";
