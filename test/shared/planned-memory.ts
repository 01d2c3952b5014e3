import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { savedLength } from "../../src/backend/webgpu/chip-values.ts";
import { chipParams, chooseLowering } from "../../src/backend/webgpu/lower.ts";
import { bytesOf } from "../../src/graph/graph.ts";
import { fuse } from "../../src/ops/fuse.ts";
import { planOf } from "../../src/train/run/backend-run.ts";
import { stateTensors } from "../../src/train/run/state.ts";
import type { Trainer } from "../../src/train/trainer.ts";

/** What a run takes on a device, from its memory plan alone, in bytes. */
export interface PlannedMemory {
  /** All values of its graph, and the parameters of its kernels. */
  readonly resident: number;
  /** One reading of the loss ring, one of the whole state, and one of the weights or their average. */
  readonly ring: number;
  readonly state: number;
  readonly weights: number;
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
  const weights = plan.groups.reduce((sum, group) => sum + bytesOf(group.flat), 0);
  if (!onChip) return { resident: await gpu.probeMemory!(graph, nodes, []), ring, state, weights };
  const { layout } = chooseLowering(graph, gpu.gpu.caps, { nodes })!;
  const bound = layout.bound.reduce((sum, buffer) => sum + layout.plan.buffers[buffer]!.bytes, 0);
  const params = chipParams.pack({ steps: 0 }).byteLength;
  return { resident: 4 * savedLength(layout) + bound + params, ring, state, weights };
}

/**
 * Every number of bytes that is as planned: so many readings, the copy of the state or not, and a reading of the weights
 * where they are what was read first from a new device. Later ones find a larger reading free.
 */
export function allowed({ resident, ring, state, weights }: PlannedMemory): ReadonlySet<number> {
  const readings = Array.from({ length: MOST_READINGS + 1 }, (_, n) => resident + n * ring);
  const orWith = (more: number) => (bytes: number) => [bytes, bytes + more];
  return new Set(readings.flatMap(orWith(state)).flatMap(orWith(weights)));
}
