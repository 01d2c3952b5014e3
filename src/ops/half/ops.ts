import type { AnyOp } from "../../graph/op.ts";
import { ops } from "../all.ts";
import { controlAndRecord } from "../step/control.ts";
import { penaltyGradient } from "../step/penalty.ts";
import { halved, halvesOf } from "./halved.ts";
import { lossScale } from "./loss-scale.ts";
import { scaledControl } from "./scaled-control.ts";
import { toHalf } from "./to-half.ts";

/** Its gradient is scaled where the numbers of a step follow: the third input. */
const scaledPenalty: AnyOp = {
  ...penaltyGradient,
  name: "scaledPenaltyGradient",
};

/** Every op that only runs in f16 have, for the checks. They are apart from `ops`, since others do not load them. */
export const halfOps: readonly AnyOp[] = [
  toHalf,
  ...ops.filter((op) => halvesOf(op).length > 0).map(halved),
  lossScale,
  scaledPenalty,
  scaledControl(controlAndRecord),
];
