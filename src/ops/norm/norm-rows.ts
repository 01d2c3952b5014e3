import type { TensorSpec } from "../../graph/graph.ts";
import type { Binding, DeviceCaps, KernelPlan } from "../../graph/op.ts";
import { laneSumsPlan } from "../shared/lane-sums.ts";
import { ONE_SUBGROUP } from "./row-plan.ts";

/** Sums over the rows of values like `like`, by a kernel of laneSums; null where they are bound in parts. */
export function laneScalePlan(
  code: (four: boolean) => string,
  like: TensorSpec,
  bindings: readonly Binding[],
  caps: DeviceCaps,
): KernelPlan | null {
  const [M, N] = like.shape as readonly [number, number];
  return 4 * M * N > caps.maxStorageBufferBindingSize ? null : laneSumsPlan(code, M, N, bindings, caps);
}

/** Whether an element is four neighbours: where one subgroup has a row, and where there are some for all of a workgroup. */
export const takesFours = (N: number, width: number): boolean =>
  N % 4 === 0 && (width === ONE_SUBGROUP || N >= 4 * width);
