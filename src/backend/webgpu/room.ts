import type { Graph, Node } from "../../graph/graph.ts";
import { planMemory } from "../../graph/memory-plan.ts";
import { allocateBuffers } from "./allocate.ts";
import { checkLimits, chooseKernel } from "./choose.ts";
import type { WebGpuDevice } from "./device.ts";
import { Ledger } from "./ledger.ts";
import { UNIFORM_STRIDE } from "./record.ts";

/**
 * Bytes that a graph's plan takes as dispatches, after the device was asked for them, and for buffers of `also` bytes
 * beside them, and gave them: WebGPU does not say how much memory there is. All is given back. Throws
 * ChainruleError("limit") where a limit is exceeded or there is no room.
 */
export async function roomFor(
  gpu: WebGpuDevice,
  g: Graph,
  nodes: readonly Node[],
  also: readonly number[],
): Promise<number> {
  const computed = nodes.filter((node) => !node.op.view);
  const chosen = new Map(computed.map((node) => [node, chooseKernel(node, gpu.caps, null, gpu.wrong)]));
  checkLimits(g, chosen, gpu.caps);
  const plan = planMemory(g, nodes, (node) => chosen.get(node)?.plan.scratch ?? []);
  const launches = [...chosen.values()].reduce((sum, { plan: p }) => sum + p.launches.length, 0);
  const ledger = new Ledger(gpu.device);
  const wanted = [...plan.buffers, ...also.map((bytes) => ({ name: "staging", bytes }))];
  const { buffers, uniforms } = await allocateBuffers(gpu, ledger, wanted, launches * UNIFORM_STRIDE);
  const bytes = ledger.liveBytes;
  for (const buffer of uniforms ? [...buffers, uniforms] : buffers) ledger.destroy(buffer);
  // What was given back may be needed for the next question.
  await gpu.orFailure(gpu.device.queue.onSubmittedWorkDone());
  return bytes;
}
