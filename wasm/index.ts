/** The module: `run` and its like, and the kernels of dense nets by name. src/backend/wasm makes programs of them. */
export { close, open, run, serve } from "./program";
export * from "./accumulate";
export * from "./activations";
export * from "./bias";
export * from "./data";
export * from "./losses";
export * from "./norm";
export * from "./optimizers";
export { multiply, packA, packB } from "./panels";
export * from "./penalty";
export { dots, product } from "./product";
export * from "./rows";
export * from "./step";
export * from "./weighted-cross-entropy";
