import { ChainruleError } from "../../core/errors.ts";
import { sizeOf } from "../../core/ndarray.ts";
import { bytesOf, callText, elementBytes, type Graph, type Node, type TensorSpec } from "../../graph/graph.ts";
import type { AnyOp, DeviceCaps, Kernel, KernelPlan } from "../../graph/op.ts";

// biome-ignore lint/suspicious/noExplicitAny: kernels of the op list have attributes of every type
export type AnyKernel = Kernel<any>;

export interface ChosenKernel {
  readonly kernel: AnyKernel;
  readonly plan: KernelPlan;
}

/** Kernels that are left out, by name, with the reason. */
export type LeftOut = ReadonlyMap<string, string>;

/**
 * The last kernel of the ladder that applies and suits; or the one named, unless it is left out. Throws when none does.
 */
export function chooseKernel(
  node: Pick<Node, "op" | "attrs"> & {
    readonly inputs: readonly TensorSpec[];
    readonly outputs: readonly TensorSpec[];
  },
  caps: DeviceCaps,
  name: string | null = null,
  leftOut: LeftOut = new Map(),
): ChosenKernel {
  const op = node.op as AnyOp;
  const candidates = [...op.kernels]
    .reverse()
    .filter((k) => (name === null || k.name === name) && !leftOut.has(k.name));
  const suits = (kernel: AnyKernel): boolean => kernel.suits?.(node.inputs, node.attrs, caps) !== false;
  // Asked before the plan is, which is text and takes time to write.
  for (const kernel of [...(name === null ? candidates.filter(suits) : []), ...candidates]) {
    const plan = kernel.plan(node.inputs, node.outputs, node.attrs, caps);
    if (plan) return { kernel, plan };
  }
  if (name !== null && leftOut.has(name)) return chooseKernel(node, caps, null, leftOut);
  const wrong = op.kernels.filter((k) => leftOut.has(k.name)).map((k) => `${k.name} ${leftOut.get(k.name)}`);
  if (wrong.length > 0) {
    const list = wrong.join("; ");
    throw new ChainruleError("device", `${op.name}: every kernel is wrong on this device: ${list}. Train on the CPU`);
  }
  throw new ChainruleError("usage", `${callText(op, node.inputs)}: no kernel${name ? ` named ${name}` : ""} applies`);
}

/** Refuses, before any work, what the device cannot hold: names the value, its bytes and the limit. */
export function checkLimits(g: Graph, chosen: ReadonlyMap<Node, ChosenKernel>, caps: DeviceCaps): void {
  for (const v of g.variables) {
    const bytes = bytesOf(v);
    if (bytes > caps.maxBufferSize) throw tooLarge(v.name, bytes, "maxBufferSize", caps.maxBufferSize);
  }
  for (const [node, { kernel, plan }] of chosen) {
    for (const t of node.outputs) {
      const bytes = bytesOf(t);
      if (bytes > caps.maxBufferSize) throw tooLarge(t.name, bytes, "maxBufferSize", caps.maxBufferSize);
    }
    const roles = { input: node.inputs, output: node.outputs, scratch: plan.scratch ?? [] };
    for (const { bindings, workgroups } of plan.launches) {
      for (const b of bindings) {
        const value = roles[b.kind][b.index] as TensorSpec & { name?: string };
        const bytes = elementBytes(value.dtype) * (b.size ?? sizeOf(value.shape));
        if (bytes > caps.maxStorageBufferBindingSize) {
          const name = `${value.name ?? "scratch"} in ${kernel.name}`;
          throw tooLarge(name, bytes, "maxStorageBufferBindingSize", caps.maxStorageBufferBindingSize);
        }
      }
      const most = Math.max(...workgroups);
      if (most > caps.maxComputeWorkgroupsPerDimension) {
        throw new ChainruleError(
          "limit",
          `${kernel.name} needs ${most} workgroups, more than this device's ${caps.maxComputeWorkgroupsPerDimension} a dimension squared`,
        );
      }
    }
  }
}

function tooLarge(name: string, bytes: number, limit: string, most: number): ChainruleError {
  return new ChainruleError(
    "limit",
    `${name} needs ${bytes} bytes, more than this device's ${limit} of ${most} bytes: use a smaller layer or batch, or --backend cpu`,
  );
}
