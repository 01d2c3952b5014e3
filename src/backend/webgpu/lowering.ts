import type { Graph } from "../../graph/graph.ts";
import type { DeviceCaps } from "../../graph/op.ts";
import type { CompileOptions } from "../executor.ts";
import type { WebGpuDevice } from "./device.ts";
import type { Ledger } from "./ledger.ts";
import type { Lowered } from "./lower.ts";
import type { Recording } from "./record.ts";

/** Whole steps as one kernel, which few programs and only small graphs need: its code is loaded when it may be used. */

/** The kernel for the chip, or null where the graph runs as dispatches; see chooseLowering. */
export async function lowering(g: Graph, caps: DeviceCaps, options: CompileOptions): Promise<Lowered | null> {
  if (options.onChip === false || (options.kernel && !options.onChip)) return null;
  const { chooseLowering } = await import("./lower.ts");
  return chooseLowering(g, caps, options);
}

export async function recordLowered(gpu: WebGpuDevice, ledger: Ledger, lowered: Lowered): Promise<Recording> {
  const { recordOnChip } = await import("./record-chip.ts");
  return recordOnChip(gpu, ledger, lowered);
}
