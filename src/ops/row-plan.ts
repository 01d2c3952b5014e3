import { rowParams } from "../../shaders/rows.ts";
import type { TensorSpec } from "../graph/graph.ts";
import type { Binding, DeviceCaps, KernelPlan } from "../graph/op.ts";
import { grid } from "./plan.ts";

/** One launch with a workgroup per row of `like` [rows, N]. */
export function rowLaunch(
  code: string,
  like: TensorSpec,
  extra: number,
  bindings: readonly Binding[],
  caps: DeviceCaps,
): KernelPlan {
  const [rows, N] = like.shape as readonly [number, number];
  return { launches: [{ code, params: rowParams.pack({ rows, N, extra }), bindings, workgroups: grid(rows, caps) }] };
}
