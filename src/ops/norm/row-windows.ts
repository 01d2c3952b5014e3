import type { TensorSpec } from "../../graph/graph.ts";
import type { Binding, DeviceCaps, KernelPlan } from "../../graph/op.ts";
import { rowDispatch } from "./row-plan.ts";
import { boundIn, eachOf, type RowBinding, rowWindows } from "./windows.ts";

/** A workgroup per row of `like` [rows, N], in as many launches as what the device binds at once asks for. */
export function rowLaunches(
  code: string,
  like: TensorSpec,
  extra: number,
  bindings: readonly RowBinding[],
  caps: DeviceCaps,
): KernelPlan {
  const [rows, N] = like.shape as readonly [number, number];
  return {
    launches: rowWindows(rows, eachOf(bindings), caps).map((window) =>
      rowDispatch(code, { ...like, shape: [window.count, N] }, extra, boundIn(window, bindings), caps),
    ),
  };
}

/** The same where all that is bound has the rows of `like`. */
export const rowsPlan = (code: string, like: TensorSpec, bindings: readonly Binding[], caps: DeviceCaps): KernelPlan =>
  rowLaunches(
    code,
    like,
    0,
    bindings.map((b) => [b, like.shape[1]!] as const),
    caps,
  );
