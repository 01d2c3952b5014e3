import type { AnyOp, Kernel } from "../../graph/op.ts";

// biome-ignore lint/suspicious/noExplicitAny: kernels of the op list have attributes of every type
type AnyKernel = Kernel<any>;

/** Where families of ops say how a further rung becomes a kernel of theirs, for code that only some runs load. */
export interface FurtherRungs<R> {
  add(opName: string, make: (rung: R) => AnyKernel): void;
  /** The kernel for an op; null where it is none of the family. */
  of(op: AnyOp, rung: R): AnyKernel | null;
}

export function furtherRungs<R>(): FurtherRungs<R> {
  const makers = new Map<string, (rung: R) => AnyKernel>();
  return {
    add: (opName, make) => makers.set(opName, make),
    of: (op, rung) => makers.get(op.name)?.(rung) ?? null,
  };
}
