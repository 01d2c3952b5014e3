/** Whole steps of a small graph as one kernel: whether, how, and its known answer. One file to load, late. */
export { stepsWithin } from "./long-loop.ts";
export { chooseLowering } from "./lower.ts";
export { recordOnChip } from "./record-chip.ts";
export { wholeStepsAreRight } from "./self-test-chip.ts";
