import type { Launch } from "../../graph/op.ts";

/** Bytes of a buffer that stands for a binding: nothing of it is read or written. */
const STAND_IN = 4096;
/** Dispatched so often. An indirect count, since Dawn remarks on a plain one of 0. */
const NONE = 12;

/**
 * Has a driver compile what it compiles only when it is first dispatched: a dispatch of no workgroups. Resolves when that
 * is done. Where it is refused, as for a binding of more bytes, the first run is what compiles.
 */
export async function warm(
  device: GPUDevice,
  pipeline: GPUComputePipeline,
  layout: GPUBindGroupLayout,
  launch: Launch,
): Promise<void> {
  device.pushErrorScope("validation");
  const { STORAGE, UNIFORM, INDIRECT } = GPUBufferUsage;
  const buffer = (size: number, usage: number): GPUBuffer => device.createBuffer({ label: "warm", size, usage });
  const count = buffer(NONE, INDIRECT);
  const uniforms = launch.params ? [buffer(STAND_IN, UNIFORM)] : [];
  const bound = [...uniforms, ...launch.bindings.map(() => buffer(STAND_IN, STORAGE))];
  const first = launch.params ? 0 : 1;
  const entries = bound.map((b, i) => ({ binding: first + i, resource: { buffer: b } }));
  const encoder = device.createCommandEncoder({ label: "warm" });
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, device.createBindGroup({ label: "warm", layout, entries }));
  pass.dispatchWorkgroupsIndirect(count, 0);
  pass.end();
  device.queue.submit([encoder.finish()]);
  device.popErrorScope().catch(() => undefined);
  await device.queue.onSubmittedWorkDone();
  for (const b of [count, ...bound]) b.destroy();
}
