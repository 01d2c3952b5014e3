import type { AnyOp, DeviceCaps } from "./op.ts";

/**
 * Of families of ops that have kernels which only some devices take: puts them behind an op's others, once, where it is such
 * an op and such a device. Awaited before kernels are chosen.
 */
export const lateKernels: ((op: AnyOp, caps: DeviceCaps) => Promise<void> | undefined)[] = [];
