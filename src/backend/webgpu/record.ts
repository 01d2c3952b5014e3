import { ChainruleError } from "../../core/errors.ts";
import { sizeOf } from "../../core/ndarray.ts";
import { bytesOf, elementBytes, type Graph, type Node, type Tensor } from "../../graph/graph.ts";
import { type MemoryPlan, type Place, planMemory } from "../../graph/memory-plan.ts";
import type { Binding, KernelPlan, Launch } from "../../graph/op.ts";
import type { CompileOptions } from "../executor.ts";
import { allocateBuffers } from "./allocate.ts";
import { type ChosenKernel, checkLimits, chooseKernel } from "./choose.ts";
import type { WebGpuDevice } from "./device.ts";
import type { Ledger } from "./ledger.ts";
import type { Opening } from "./opening.ts";

/** A graph as device objects: everything that a step needs, made once. */
export interface Recording {
  /** How steps run, for people: "13 dispatches a step". */
  readonly description: string;
  /** True where a dispatch runs whole steps. */
  readonly whole: boolean;
  /** Buffers that must hold zeros before the first step: what lies between the parts of packed arrays is read. */
  readonly cleared: readonly GPUBuffer[];
  /** Steps that one submit may hold, whatever they take. */
  readonly maxSteps: number;
  /** Where a value lies, in bytes. Throws where it is nowhere after a run. */
  place(t: Tensor): DevicePlace;
  /** Dispatches of a step: into so many submits one that takes long can be divided. */
  readonly dispatches: number;
  /** Where the first step of a run has kernels of its own (opening.ts). */
  readonly opening: Opening | null;
  /** Puts `steps` steps into a pass that is submitted at once. */
  encode(pass: GPUComputePassEncoder, steps: number): void;
  /** Puts the dispatches from `first` to before `end` of one step into a pass. */
  encodePart(pass: GPUComputePassEncoder, first: number, end: number): void;
}

export interface DevicePlace {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly size: number;
}

type Chosen = ReadonlyMap<Node, ChosenKernel>;

/** A launch of a node. */
interface Work extends Pick<ChosenKernel, "plan"> {
  readonly node: Node;
  readonly kernel: string;
  readonly launch: Launch;
}

const workOf = (chosen: Chosen): readonly Work[] =>
  [...chosen].flatMap(([node, { kernel, plan }]) =>
    plan.launches.map((launch) => ({ node, kernel: kernel.name, plan, launch })),
  );

/** One dispatch, ready to be encoded any number of times. */
interface Dispatch {
  readonly label: string;
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly workgroups: readonly [number, number, number];
}

/** Dispatches in one submit, whatever they take: command buffers cost memory. */
const MAX_DISPATCHES = 16384;
/** Uniform blocks lie at multiples of this: WebGPU's guaranteed minUniformBufferOffsetAlignment. */
const UNIFORM_STRIDE = 256;

/** For what asks how much room there is. */
export const recorder = { chooseKernel, checkLimits, planMemory, stride: UNIFORM_STRIDE };

/** Plans and allocates a dispatch or more for each node. Throws before allocating when a limit is exceeded. */
export async function recordGraph(
  gpu: WebGpuDevice,
  ledger: Ledger,
  g: Graph,
  options: CompileOptions,
): Promise<Recording> {
  const nodes = options.nodes ?? g.nodes;
  const choose = () =>
    new Map(
      nodes
        .filter((node) => !node.op.view)
        .map((node) => [node, chooseKernel(node, gpu.caps, options.kernel?.(node) ?? null, gpu.wrong)] as const),
    );
  // Where several compile side by side, nothing is gained.
  const opening = options.cursor && options.selfTest !== false && gpu.caps.onCpu ? await import("./opening.ts") : null;
  const openingOf = (kernels: Chosen): Chosen => opening?.openingKernels(kernels, gpu) ?? kernels;
  let chosen = choose();
  let first = openingOf(chosen);
  for (const kernels of new Set([chosen, first])) checkLimits(g, kernels, gpu.caps);
  if (options.selfTest !== false) {
    // Compilers begin before known answers are worked out. What goes wrong is told of there.
    for (const w of workOf(first)) gpu.pipelines.get(w.launch, w.kernel).catch(() => undefined);
    const { selfTestOf } = await import("./self-test.ts");
    // Each wrong kernel is left out from then on, so this ends.
    while ((await selfTestOf(gpu).of(first)).length > 0) {
      chosen = choose();
      first = openingOf(chosen);
    }
  }
  const plan = planMemory(g, nodes, (node) => chosen.get(node)?.plan.scratch ?? [], options.keepAll);
  await Promise.all(workOf(first).map((w) => gpu.pipelines.get(w.launch, w.kernel)));
  const launches = [...new Set([...workOf(first), ...workOf(chosen)].map((w) => w.launch))];
  const { buffers, uniforms } = await allocate(gpu, ledger, plan, launches);
  const dispatchOf = ({ node, kernel, plan: p, launch }: Work, pipeline: GPUComputePipeline): Dispatch => {
    const label = `${kernel}: ${node.outputs[0]!.name}`;
    const places = (b: Binding): Place => {
      if (b.kind === "scratch") return plan.scratch.get(node)![b.index]!;
      return plan.places.get(b.kind === "input" ? node.inputs[b.index]! : node.outputs[b.index]!)!;
    };
    refuseConflicts(label, launch, places);
    const entries: GPUBindGroupEntry[] = launch.bindings.map((b, k) => {
      const { storage, offset } = places(b);
      const count = b.size ?? wholeSize(node, p, b);
      const resource = {
        buffer: buffers[storage.buffer]!,
        offset: (offset + (b.offset ?? 0)) * elementBytes(storage.dtype),
        size: padded(count) * elementBytes(storage.dtype),
      };
      return { binding: k + 1, resource };
    });
    if (launch.params) {
      const offset = launches.indexOf(launch) * UNIFORM_STRIDE;
      entries.unshift({ binding: 0, resource: { buffer: uniforms!, offset, size: launch.params.byteLength } });
    }
    const bindGroup = gpu.device.createBindGroup({ label, layout: gpu.pipelines.layout(launch), entries });
    return { label, pipeline, bindGroup, workgroups: launch.workgroups };
  };
  const dispatchesOf = (kernels: Chosen): Promise<Dispatch[]> =>
    Promise.all(workOf(kernels).map(async (w) => dispatchOf(w, await gpu.pipelines.get(w.launch, w.kernel))));
  let dispatches = await dispatchesOf(first);
  const packed = nodes.filter((node) => node.op.view === "pack").flatMap((node) => node.outputs);
  const place = (t: Tensor): DevicePlace => {
    const found = plan.places.get(t);
    if (!found) throw new ChainruleError("usage", `${t.name} does not exist on the device: it was fused away`);
    const { storage, offset } = found;
    return { buffer: buffers[storage.buffer]!, offset: offset * elementBytes(storage.dtype), size: bytesOf(t) };
  };
  const encodePart = (pass: GPUComputePassEncoder, first: number, end: number): void => {
    for (let i = first; i < end; i++) {
      const d = dispatches[i]!;
      pass.setPipeline(d.pipeline);
      pass.setBindGroup(0, d.bindGroup);
      pass.dispatchWorkgroups(...d.workgroups);
    }
  };
  return {
    description: `${workOf(chosen).length} dispatches a step`,
    whole: false,
    cleared: packed.map((t) => place(t).buffer),
    maxSteps: Math.max(1, Math.floor(MAX_DISPATCHES / Math.max(1, dispatches.length))),
    place,
    get dispatches() {
      return dispatches.length;
    },
    opening:
      first === chosen
        ? null
        : opening!.twoSets(
            options.cursor!,
            dispatches,
            async () => dispatchesOf(await opening!.rest(chosen, first, gpu)),
            (set) => {
              dispatches = set;
            },
          ),
    encode(pass, steps) {
      for (let i = 0; i < steps; i++) encodePart(pass, 0, dispatches.length);
    },
    encodePart,
  };
}

/** Elements rounded up to whole vec4, which is how buffers are sized; views begin at multiples of 64 elements. */
const padded = (elements: number): number => Math.ceil(elements / 4) * 4;

function wholeSize(node: Node, plan: KernelPlan, b: Binding): number {
  const values = { input: node.inputs, output: node.outputs, scratch: plan.scratch ?? [] }[b.kind];
  return sizeOf(values[b.index]!.shape);
}

async function allocate(
  gpu: WebGpuDevice,
  ledger: Ledger,
  plan: MemoryPlan,
  launches: readonly Launch[],
): Promise<{ buffers: GPUBuffer[]; uniforms: GPUBuffer | null }> {
  const size = launches.length * UNIFORM_STRIDE;
  const { buffers, uniforms } = await allocateBuffers(gpu, ledger, plan.buffers, size);
  if (uniforms) {
    const bytes = new Uint8Array(size);
    launches.forEach((launch, i) => {
      if (launch.params) bytes.set(new Uint8Array(launch.params), i * UNIFORM_STRIDE);
    });
    gpu.device.queue.writeBuffer(uniforms, 0, bytes);
  }
  return { buffers, uniforms };
}

/**
 * WebGPU forbids one buffer to be read and written through different bindings of a dispatch. Written through several it
 * may be, where they do not overlap, and values that have a place each never do.
 */
function refuseConflicts(label: string, launch: Launch, places: (b: Binding) => Place): void {
  const access = new Map<number, Binding["access"]>();
  const written = new Set<string>();
  for (const b of launch.bindings) {
    const { storage, offset } = places(b);
    const { buffer } = storage;
    const before = access.get(buffer);
    const start = `${buffer} ${offset + (b.offset ?? 0)}`;
    if ((before !== undefined && before !== b.access) || written.has(start)) {
      throw new ChainruleError("model", `${label} would read and write one buffer at once`);
    }
    access.set(buffer, b.access);
    if (b.access === "read_write") written.add(start);
  }
}
