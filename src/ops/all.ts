import type { AnyOp } from "../graph/op.ts";
import { eagerOps } from "./eager.ts";
import { geluWithSlope } from "./elementwise/gelu-slope.ts";
import { lazyActivations } from "./elementwise/lazy-activations.ts";
import * as layerOps from "./layer-ops.ts";
import * as lazy from "./lazy.ts";
import { elementwiseLosses } from "./loss/losses.ts";
import { attentionStep } from "./text/attention-step.ts";
import { recurrentStep } from "./text/recurrent-step.ts";

/** What layers take from those that every run has is there already, by its name. */
const isOwn = ({ name, view }: AnyOp): boolean => !view && eagerOps.every((op) => op.name !== name);

/** Every op that computes. The checks and the benchmark run over this list. */
export const ops: readonly AnyOp[] = [
  ...eagerOps,
  ...Object.values<AnyOp>(lazy),
  ...Object.values<AnyOp>(layerOps).filter(isOwn),
  attentionStep,
  recurrentStep,
  ...elementwiseLosses.flatMap((loss) => [loss.forward, loss.backward, loss.withGradient]),
  ...Object.values(lazyActivations).flatMap((a) => [a.forward, a.backward]),
];

/** Ops that programs on the CPU have in the place of others, and no graph has. */
export const cpuOps: readonly AnyOp[] = [geluWithSlope];
