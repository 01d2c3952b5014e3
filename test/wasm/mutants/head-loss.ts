import { type Mutant, wrong } from "../mutants.ts";

/** Wrong versions of what a head and its loss are made of, in chunks of rows. */
export const headLossMutants: readonly Mutant[] = [
  wrong(
    "headLoss",
    "bias",
    "the sums of the chunks before are dropped",
    "f32x4.add(get(a + o, end - i), get(b + o, end - i))",
    "get(b + o, end - i)",
  ),
  wrong("headLoss", "bias", "the edge has no bias", "get(b + c, N - n)", "f32x4.splat(0)"),
  wrong(
    "headLoss",
    "bias",
    "the last row of a chunk has no part in the bias",
    "m < M; m++) sum",
    "m + 1 < M; m++) sum",
  ),
  wrong(
    "headLoss",
    "weighted-cross-entropy",
    "it ends at a target that does not count",
    "if (index < 0) continue;",
    "if (index < 0) break;",
  ),
  wrong("headLoss", "weighted-cross-entropy", "a target that does not count has a gradient", "label < 0", "label < -9"),
  wrong("headLoss", "weighted-cross-entropy", "the target is not smoothed", "* smooth;", "* 0;"),
  wrong("headLoss", "product", "the third row is the second's", "pa + a2", "pa + a1"),
];
