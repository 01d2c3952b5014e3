import { FLAT_WORKGROUP } from "../../../shaders/common.ts";
import type { Binding, DeviceCaps, KernelPlan, Launch } from "../../graph/op.ts";

/** A grid of at least `count` workgroups; kernels fold y back in, since x alone ends at 65,535. */
export function grid(count: number, caps: DeviceCaps): readonly [number, number, number] {
  const max = caps.maxComputeWorkgroupsPerDimension;
  if (count <= max) return [Math.max(count, 1), 1, 1];
  const y = Math.ceil(count / max);
  return [Math.ceil(count / y), y, 1];
}

/** The whole of a node's input, to be read. */
export const input = (index: number): Binding => ({ kind: "input", index, access: "read" });
/** The whole of a node's output, to be read and written. */
export const output = (index: number): Binding => ({ kind: "output", index, access: "read_write" });
/** The whole of one of the plan's scratch values. */
export const scratch = (index: number, access: Binding["access"]): Binding => ({ kind: "scratch", index, access });

/** One launch of a kernel over `size` flat elements. */
export function flatLaunch(
  code: string,
  params: ArrayBuffer,
  bindings: readonly Binding[],
  size: number,
  caps: DeviceCaps,
): Launch {
  return { code, params, bindings, workgroups: grid(Math.ceil(size / FLAT_WORKGROUP), caps) };
}

/** Whether `count` elements are taken four an invocation, as vec4, and how many invocations that makes. */
export const inFours = (count: number): readonly [four: boolean, units: number] =>
  count % 4 === 0 ? [true, count / 4] : [false, count];

/**
 * Windows of a flat kernel whose arrays all have `size` elements, so that each binding stays within the device's
 * limit. `whole` bindings (scalars, small tables) are bound entirely in every window.
 */
export function flatWindows(
  size: number,
  caps: DeviceCaps,
  make: (window: (b: Binding) => Binding, count: number, start: number) => Launch,
): KernelPlan {
  const alignment = caps.minStorageBufferOffsetAlignment / 4;
  const most = Math.floor(caps.maxStorageBufferBindingSize / 4 / alignment) * alignment;
  const launches: Launch[] = [];
  for (let start = 0; start < size; start += most) {
    const count = Math.min(most, size - start);
    const window = (b: Binding): Binding => (size <= most ? b : { ...b, offset: start, size: count });
    launches.push(make(window, count, start));
  }
  return { launches };
}
