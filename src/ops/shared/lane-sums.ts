import { LANE_COLUMNS, laneSumParams, sumColumnsAlone, sumColumnsParams } from "../../../shaders/reduce.ts";
import type { Binding, DeviceCaps, KernelPlan } from "../../graph/op.ts";
import { flatLaunch, grid, output, scratch } from "./dispatch-plan.ts";

/** Slices that are worth a second launch. */
const LEAST_SLICES = 4;
/** Rows of a slice at least, and workgroups that are enough for any device. */
const SLICE_ROWS = 1024;
const ENOUGH_WORKGROUPS = 128;

/** Into how many slices `count` terms are cut, of `least` at least each, and at most so many; 1 where few would do little. */
export function slicesOf(count: number, least: number, most: number): number {
  const slices = Math.min(Math.floor(count / least), most);
  return slices < LEAST_SLICES ? 1 : slices;
}

/** A kernel that leaves sums [slices, N], a slice for each of its workgroups along z, and what adds those up to output 0. */
export function slicedSums(
  code: string,
  params: ArrayBuffer,
  [x, y]: readonly [number, number, number],
  slices: number,
  N: number,
  bindings: readonly Binding[],
  caps: DeviceCaps,
): KernelPlan {
  const launchTo = (to: Binding) => ({
    code,
    params,
    bindings: [...bindings, to],
    workgroups: [x, y, slices] as const,
  });
  if (slices === 1) return { launches: [launchTo(output(0))] };
  const sums = sumColumnsParams.pack({ size: N, M: slices });
  return {
    scratch: [{ shape: [slices, N], dtype: "f32" }],
    launches: [
      launchTo(scratch(0, "read_write")),
      flatLaunch(sumColumnsAlone(), sums, [scratch(0, "read"), output(0)], N, caps),
    ],
  };
}

/** Sums over M rows for each of N columns to output 0, by a kernel of `laneSums`; rows in slices where columns are few. */
export function laneSumsPlan(
  code: string,
  M: number,
  N: number,
  bindings: readonly Binding[],
  caps: DeviceCaps,
): KernelPlan {
  const groups = Math.ceil(N / LANE_COLUMNS);
  const slices = slicesOf(M, SLICE_ROWS, Math.floor(ENOUGH_WORKGROUPS / groups));
  const params = laneSumParams.pack({ M, N, sliceM: Math.ceil(M / slices) });
  return slicedSums(code, params, grid(groups, caps), slices, N, bindings, caps);
}
