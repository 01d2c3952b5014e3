import { type Element, element, flatMain, read, storage, write } from "../common.ts";
import { wgsl } from "../wgsl.ts";
import { advance, recordParams, type StepArrays, stepArrays } from "./step.ts";

/** Writes (loss, rows right) of an evaluation batch, and moves the cursor to the next. */
export function tallyStep(arrays: Omit<StepArrays, "control"> & { readonly correct: Element }): string {
  const { cursor, loss, ring, correct } = arrays;
  return wgsl`
  let at = (${cursor(0)} % params.slots) * 2u;
  ${ring("at")} = ${loss(0)};
  ${ring("at + 1u")} = ${correct(0)};
${advance({ cursor })}
`;
}

/** Evaluation: adds (loss, correct) of a batch to totals, and moves the cursor. */
export function tally(): string {
  return wgsl`
${recordParams.wgsl}
${storage(write("cursor", "u32"), write("ring"), read("loss"), read("correct"))}
${flatMain(tallyStep({ ...stepArrays, correct: element("correct") }))}
`;
}
