import type { AnyOp } from "../graph/op.ts";
import { eagerOps } from "./eager.ts";
import { lazyActivations } from "./elementwise/lazy-activations.ts";
import * as lazy from "./lazy.ts";

/** Every op that computes. The checks and the benchmark run over this list. */
export const ops: readonly AnyOp[] = [
  ...eagerOps,
  ...Object.values<AnyOp>(lazy).filter((op) => !op.view),
  ...Object.values(lazyActivations).flatMap((a) => [a.forward, a.backward]),
];
