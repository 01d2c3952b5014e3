import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { savedLength } from "../../src/backend/webgpu/chip-values.ts";
import { chipParams, chooseLowering } from "../../src/backend/webgpu/lower.ts";
import { bytesOf } from "../../src/graph/graph.ts";
import { fuse } from "../../src/ops/fuse.ts";
import { planOf } from "../../src/train/machinery.ts";
import { stateTensors } from "../../src/train/state.ts";
import type { Trainer } from "../../src/train/trainer.ts";

/** What a run takes on a device, from its memory plan alone, in bytes. */
export interface PlannedMemory {
  /** All values of its graph, and the parameters of its kernels. */
  readonly resident: number;
  /** One reading of the loss ring, and one of the whole state. */
  readonly ring: number;
  readonly state: number;
}

/** Two readings on their way while a third is asked for: what is in flight at once, see Trainer.run. */
const MOST_READINGS = 3;

/** Computed anew, and not asked of the trainer. `onChip` as its graph was compiled. */
export async function planned(trainer: Trainer, gpu: WebGpuBackend, onChip: boolean): Promise<PlannedMemory> {
  const { plan } = await planOf(trainer.options);
  const { graph } = plan;
  const nodes = fuse(graph);
  const ring = bytesOf(plan.ring);
  const state = stateTensors(plan).reduce((sum, t) => sum + bytesOf(t), 0);
  if (!onChip) return { resident: await gpu.room!(graph, nodes, []), ring, state };
  const { layout } = chooseLowering(graph, gpu.gpu.caps, { nodes })!;
  const bound = layout.bound.reduce((sum, buffer) => sum + layout.plan.buffers[buffer]!.bytes, 0);
  const params = chipParams.pack({ steps: 0 }).byteLength;
  return { resident: 4 * savedLength(layout) + bound + params, ring, state };
}

/** Every number of bytes that is as planned: so many readings, and the copy of the state or not. */
export function allowed({ resident, ring, state }: PlannedMemory): ReadonlySet<number> {
  const readings = Array.from({ length: MOST_READINGS + 1 }, (_, n) => n * ring);
  return new Set(readings.flatMap((bytes) => [resident + bytes, resident + bytes + state]));
}
