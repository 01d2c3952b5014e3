import type { Graph } from "../../graph/graph.ts";
import type { CompileOptions, Executor } from "../executor.ts";
import type { WebGpuDevice } from "./device.ts";
import type { Ledger } from "./ledger.ts";
import type { Lowered } from "./lower.ts";
import type { Recording } from "./record.ts";

/** Whole steps as one kernel, which few programs and only small graphs need: its code is loaded when it may be used. */
const load = () => import("./whole-steps.ts");

/** The kernel for the chip, or null where the graph runs as dispatches; see chooseLowering. */
export async function lowering(g: Graph, gpu: WebGpuDevice, options: CompileOptions): Promise<Lowered | null> {
  if (options.onChip === false || (options.kernel && !options.onChip)) return null;
  const { chooseLowering, stepsWithin } = await load();
  const lowered = chooseLowering(g, gpu.caps, options);
  // A device that ends loops before a single step is through would leave it unfinished.
  return lowered && (options.onChip || (await stepsWithin(gpu, lowered)) > 0) ? lowered : null;
}

/** Its known answer, on first use: see self-test-chip.ts. */
export async function loweredIsRight(gpu: WebGpuDevice, executor: Executor, g: Graph): Promise<boolean> {
  const { wholeStepsAreRight } = await load();
  return wholeStepsAreRight(gpu, executor, g);
}

export async function recordLowered(gpu: WebGpuDevice, ledger: Ledger, lowered: Lowered): Promise<Recording> {
  const { recordOnChip } = await load();
  return recordOnChip(gpu, ledger, lowered);
}
