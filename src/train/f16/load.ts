import type { Halves } from "./precision.ts";

type HalfStepsModule = typeof import("./half-steps.ts");

/** The code of f16 where a run needs it: a page that trains in f32 does without. */
export const halfSteps = async (halves: Halves | null): Promise<HalfStepsModule | null> =>
  halves && import("./half-steps.ts");
