/** The proofs of all ops: how far a right result may be off, and the inputs that checks run on. */

export * from "./elementwise/activation-proof.ts";
export * from "./elementwise/add-proof.ts";
export * from "./elementwise/dropout-proof.ts";
export * from "./loss/accuracy-proof.ts";
export * from "./loss/class-weight-sums-proof.ts";
export * from "./loss/cross-entropy-proof.ts";
export * from "./loss/elementwise-loss-proof.ts";
export * from "./loss/weighted-cross-entropy-proof.ts";
export * from "./matmul/bias-proof.ts";
export * from "./matmul/linear-proof.ts";
export * from "./matmul/matmul-proof.ts";
export * from "./matmul/outer-product-proof.ts";
export * from "./norm/layer-norm-proof.ts";
export * from "./norm/softmax-proof.ts";
export * from "./shared/composed-proof.ts";
export * from "./shared/views-proof.ts";
export * from "./step/accumulate-proof.ts";
export * from "./step/batch-proof.ts";
export * from "./step/control-proof.ts";
export * from "./step/gradient-stats-proof.ts";
export * from "./step/moving-average-proof.ts";
export * from "./step/optimizer-proof.ts";
export * from "./step/penalty-proof.ts";
export * from "./step/record-proof.ts";
