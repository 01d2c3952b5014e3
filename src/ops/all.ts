import type { AnyOp } from "../graph/op.ts";
import { eagerOps } from "./eager.ts";
import { lazyActivations } from "./elementwise/lazy-activations.ts";
import * as layerOps from "./layer-ops.ts";
import * as lazy from "./lazy.ts";

/** Every op that computes. The checks and the benchmark run over this list. */
export const ops: readonly AnyOp[] = [
  ...eagerOps,
  ...Object.values<AnyOp>(lazy),
  ...Object.values<AnyOp>(layerOps).filter((op) => !op.view),
  ...Object.values(lazyActivations).flatMap((a) => [a.forward, a.backward]),
];
