import { type ConvEpilogue, epilogueArrays } from "../../../shaders/conv/common.ts";
import type { Binding } from "../../graph/op.ts";
import { input } from "../shared/dispatch-plan.ts";

/** What an epilogue reads, input 2 and those behind it: `window` cuts those that have the result's shape as it is cut. */
export const epilogueBindings = (epilogue: ConvEpilogue, window: (b: Binding) => Binding): readonly Binding[] =>
  epilogueArrays(epilogue).map((name, i) => {
    const whole = input(2 + i);
    return name === "residual" || name === "v" ? window(whole) : whole;
  });
