import { type Mutant, wrong } from "../mutants.ts";

/** Wrong versions of wasm/batched.ts. */
export const batchedMutants: readonly Mutant[] = [
  wrong("batchedMatmul", "batched", "a is that of the first product", "i * int(call, 12)", "0 * int(call, 12)"),
  wrong("batchedMatmul", "batched", "b stays packed", "if (i == first || int(call, 13) != 0) {", "if (i == first) {"),
  wrong("batchedMatmul", "batched", "the next result lies over this one", "(i * M * N)", "(first * M * N)"),
  wrong("batchedMatmul", "batched", "panels of b lie over those of a", "(M + 11) / 12 * 12 * K", "0"),
];
