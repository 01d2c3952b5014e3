import type { CaseInput, OpCase, Proof } from "../../graph/op.ts";
import { someCounted } from "./counted-cases.ts";
import type { HeadLossAttrs } from "./head-loss.ts";

export const headLoss: Pick<Proof<HeadLossAttrs>, "cases"> = {
  cases: [
    headCase(5, 3, 4, true, 64),
    headCase(64, 7, 9, false, 64),
    headCase(130, 8, 33, true, 64, 0.1),
    headCase(200, 6, 200, false, 64, 0.2),
    headCase(300, 16, 21, true, 128),
    headCase(130, 8, 33, true, 64, 0, true),
  ],
};

/** Rows of one chunk, of a whole number of them, and of some more; labels that do not count among them. */
function headCase(
  n: number,
  size: number,
  classes: number,
  turned: boolean,
  rows: number,
  smoothing = 0,
  frozen = false,
): OpCase<HeadLossAttrs> {
  const f32 = (shape: readonly number[], more: Partial<CaseInput> = {}): CaseInput => ({
    shape,
    dtype: "f32",
    ...more,
  });
  return {
    name: `${n}x${size} to ${classes}${turned ? ", turned" : ""}, ${rows} at once${frozen ? ", frozen" : ""}`,
    inputs: [
      f32([n, size]),
      f32(turned ? [classes, size] : [size, classes]),
      someCounted(n, classes),
      f32([1], { fill: [1.25] }),
      f32([classes], { fill: "positive", scale: 3 }),
      f32([2], { fill: [1.5 * n, 1.5 * classes] }),
    ],
    attrs: { turned, rows, smoothing, ...(frozen && { frozen }) },
  };
}
