/** The module: `run` and its like, and the kernels of plain dense nets by name. src/backend/wasm makes programs of them. */
export { close, open, run, serve } from "./program";
export * from "./activations";
export * from "./bias";
export * from "./data";
export * from "./losses";
export { adam, sgd, sgdMomentum } from "./optimizers";
export { multiply, packA, packB } from "./panels";
export { dots, product } from "./product";
export * from "./rows";
export * from "./step";
