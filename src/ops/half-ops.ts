import type { AnyOp } from "../graph/op.ts";
import { toHalf } from "./half.ts";
import { halvedOps } from "./halved.ts";
import { lossScale } from "./loss-scale.ts";
import { scaledControl } from "./scaled-control.ts";
import { scaledPenaltyGradient } from "./scaled-penalty.ts";

/** Every op that only runs in f16 have. They are apart from ops/index.ts, since others do not load them. */
export const halfOps: readonly AnyOp[] = [toHalf, ...halvedOps(), lossScale, scaledControl, scaledPenaltyGradient];
