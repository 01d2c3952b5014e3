import { LANE_COLUMNS, laneSumParams, sumColumnsAlone, sumColumnsParams } from "../../../shaders/reduce.ts";
import type { Binding, DeviceCaps, KernelPlan } from "../../graph/op.ts";
import { flatLaunch, grid, inFours, output, scratch } from "./dispatch-plan.ts";

/** Slices that are worth a second launch. */
const LEAST_SLICES = 4;

/**
 * Sums [N] to output 0 by a kernel that leaves those of slices, [slices, N], a slice for each of its workgroups along z;
 * what adds them up follows where there are several. There are `wanted` of them, or one where few would do little.
 */
export function slicedSums(
  code: string,
  params: (slices: number) => ArrayBuffer,
  groups: number,
  wanted: number,
  N: number,
  bindings: readonly Binding[],
  caps: DeviceCaps,
): KernelPlan {
  const slices = wanted < LEAST_SLICES ? 1 : Math.floor(wanted);
  const [x, y] = grid(groups, caps);
  const to = slices > 1 ? scratch(0, "read_write") : output(0);
  const first = { code, params: params(slices), bindings: [...bindings, to], workgroups: [x, y, slices] as const };
  if (slices === 1) return { launches: [first] };
  const sums = sumColumnsParams.pack({ size: N, M: slices });
  return {
    scratch: [{ shape: [slices, N], dtype: "f32" }],
    launches: [first, flatLaunch(sumColumnsAlone(), sums, [scratch(0, "read"), output(0)], N, caps)],
  };
}

/**
 * Sums over M rows for each of N columns to output 0, by a kernel of `laneSums`: in slices of a thousand rows where columns
 * are few, up to 128 workgroups, which are enough for any device.
 */
export function laneSumsPlan(
  code: (four: boolean) => string,
  M: number,
  N: number,
  bindings: readonly Binding[],
  caps: DeviceCaps,
): KernelPlan {
  const groups = Math.ceil(N / LANE_COLUMNS);
  const [four, columns] = inFours(N);
  const params = (slices: number) => laneSumParams.pack({ M, N: columns, sliceM: Math.ceil(M / slices) });
  return slicedSums(code(four), params, groups, Math.min(M / 1024, 128 / groups), N, bindings, caps);
}
