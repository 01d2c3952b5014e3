import type { AnyOp } from "../graph/op.ts";
import { commonOps } from "./eager.ts";
import * as rare from "./lazy.ts";

/** Every op that computes. The checks and the benchmark run over this list. */
export const ops: readonly AnyOp[] = [...commonOps, ...Object.values(rare)];
