import { ChainruleError } from "../../core/errors.ts";
import { sizeOf } from "../../core/ndarray.ts";
import type { Tensor } from "../../graph/graph.ts";
import type { Binding, Launch } from "../../graph/op.ts";
import { allocateBuffers } from "./allocate.ts";
import { savedLength } from "./chip-values.ts";
import type { WebGpuDevice } from "./device.ts";
import type { Ledger } from "./ledger.ts";
import { stepsWithin } from "./long-loop.ts";
import { chipParams, type Lowered } from "./lower.ts";
import type { DevicePlace, Recording } from "./record.ts";

/** Steps of one dispatch, whatever they take: enough that starting it costs nothing beside them. */
const MAX_STEPS = 2 ** 20;

/** Compiles and allocates a lowered graph: one dispatch runs all steps of a submit. */
export async function recordOnChip(gpu: WebGpuDevice, ledger: Ledger, lowered: Lowered): Promise<Recording> {
  const { layout, width } = lowered;
  const { plan, bound, saved } = layout;
  const access = (buffer: number): Binding["access"] => (layout.written.has(buffer) ? "read_write" : "read");
  const launch: Launch = {
    code: lowered.code,
    params: chipParams.pack({ steps: 0 }),
    bindings: [
      { kind: "scratch", index: 0, access: "read_write" },
      ...bound.map((buffer, k): Binding => ({ kind: "scratch", index: k + 1, access: access(buffer) })),
    ],
    workgroups: [1, 1, 1],
  };
  const label = "steps on the chip";
  const pipeline = await gpu.pipelines.get(launch, label);
  const wanted = [{ name: "saved values", bytes: 4 * savedLength(layout) }, ...bound.map((b) => plan.buffers[b]!)];
  const { buffers, uniforms } = await allocateBuffers(gpu, ledger, wanted, launch.params!.byteLength);
  const bindGroup = gpu.device.createBindGroup({
    label,
    layout: gpu.pipelines.layout(launch),
    entries: [uniforms!, ...buffers].map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  let steps = 0;
  const encode = (pass: GPUComputePassEncoder, count: number): void => {
    // Writes to the queue keep their order with submits: dispatches before this one still see their own number.
    if (count !== steps) gpu.device.queue.writeBuffer(uniforms!, 0, chipParams.pack({ steps: count }));
    steps = count;
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(1, 1, 1);
  };
  return {
    description: `one kernel on the chip, ${width} ${width === 1 ? "invocation" : "invocations"}`,
    whole: true,
    cleared: [buffers[0]!],
    maxSteps: Math.min(MAX_STEPS, Math.max(1, await stepsWithin(gpu, lowered))),
    place(t: Tensor): DevicePlace {
      const found = plan.places.get(t);
      const size = sizeOf(t.shape) * 4;
      if (found) {
        const { buffer } = found.storage;
        const own = bound.indexOf(buffer);
        if (own >= 0) return { buffer: buffers[own + 1]!, offset: found.offset * 4, size };
        const first = saved.get(buffer);
        if (first !== undefined) return { buffer: buffers[0]!, offset: (first + found.offset) * 4, size };
      }
      throw new ChainruleError("usage", `${t.name} does not leave the chip: keep it in the graph to read it`);
    },
    dispatches: 1,
    opening: null,
    encode,
    encodePart: (pass) => encode(pass, 1),
  };
}
