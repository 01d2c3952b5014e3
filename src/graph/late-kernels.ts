import type { AnyOp, DeviceCaps } from "./op.ts";

type WithOps = readonly { readonly op: AnyOp }[];

/**
 * Of families of ops that have kernels which only some devices take: puts them behind those of the nodes' ops, once, where it
 * is such a device.
 */
export const lateKernels: ((nodes: WithOps, caps: DeviceCaps) => Promise<void> | false)[] = [];

/** To be awaited before kernels are chosen for nodes. */
export const addLateKernels = (nodes: WithOps, caps: DeviceCaps): Promise<unknown> =>
  Promise.all(lateKernels.map((add) => add(nodes, caps)));
