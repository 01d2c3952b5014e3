import type { Graph, Node } from "../../graph/graph.ts";
import type { planMemory } from "../../graph/memory-plan.ts";
import type { checkLimits, chooseKernel } from "./choose.ts";
import type { WebGpuDevice } from "./device.ts";

/** What recording has loaded already: given and not imported, so that bundles need no chunk for what two share. */
export interface Recorder {
  readonly chooseKernel: typeof chooseKernel;
  readonly checkLimits: typeof checkLimits;
  readonly planMemory: typeof planMemory;
  /** Bytes of the parameters of a launch. */
  readonly stride: number;
}

/**
 * Bytes that a graph's plan takes as dispatches, after the device was asked for them, and for buffers of `also` bytes
 * beside them, and gave them: WebGPU does not say how much memory there is. All is given back. Throws
 * ChainruleError("limit") where a limit is exceeded or there is no room.
 */
export async function probedBytes(
  gpu: WebGpuDevice,
  g: Graph,
  nodes: readonly Node[],
  also: readonly number[],
  recorder: Recorder,
): Promise<number> {
  const computed = nodes.filter((node) => !node.op.view);
  const chosen = new Map(
    computed.map((node) => [node, recorder.chooseKernel(node, gpu.caps, null, gpu.wrong)] as const),
  );
  recorder.checkLimits(g, chosen, gpu.caps);
  const plan = recorder.planMemory(g, nodes, (node) => chosen.get(node)?.plan.scratch ?? []);
  const launches = [...chosen.values()].reduce((sum, { plan: p }) => sum + p.launches.length, 0);
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const wanted = [
    ...plan.buffers.map(({ name, bytes }) => ({ name, bytes, usage })),
    ...[launches * recorder.stride, ...also].map((bytes) => ({ name: "what lies beside", bytes, usage })),
  ];
  const buffers = await gpu.buffers(wanted, "this graph");
  for (const buffer of buffers) buffer.destroy();
  // What was given back may be needed for the next question.
  await gpu.orFailure(gpu.awaited(gpu.device.queue.onSubmittedWorkDone()));
  return wanted.reduce((sum, { bytes }) => sum + bytes, 0);
}
