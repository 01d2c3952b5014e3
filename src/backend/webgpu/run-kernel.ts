import { ChainruleError } from "../../core/errors.ts";
import { packHalves, unpackHalves } from "../../core/half.ts";
import { type NdArray, ndarray, sizeOf, zeros } from "../../core/ndarray.ts";
import type { TensorSpec } from "../../graph/graph.ts";
import type { AnyOp, Binding, DeviceCaps, KernelPlan } from "../../graph/op.ts";
import type { AnyKernel } from "./choose.ts";
import type { WebGpuDevice } from "./device.ts";
import { writeCopy } from "./write-copy.ts";

/** Words behind each array that no kernel may read for its result, nor write. */
const MARGIN = 64;
/** A quiet NaN with a pattern of its own: read, it poisons the result; overwritten, it is missed. */
const SENTINEL = 0x7fc5a5a5;

/** Not those of graph.ts: this file is loaded late, and should not have that one cut out of what is loaded first. */
const elementBytes = (dtype: TensorSpec["dtype"]): number => (dtype === "f16" ? 2 : 4);
const wordsOf = ({ shape, dtype }: TensorSpec): number => Math.ceil((sizeOf(shape) * elementBytes(dtype)) / 4);

export interface KernelRun {
  readonly outputs: readonly NdArray[];
  /** False when the kernel wrote behind the end of an array. */
  readonly marginIntact: boolean;
  /** False when the kernel left a part of an output unwritten. */
  readonly covered: boolean;
}

/**
 * Runs one kernel by itself on arrays that end in sentinels; outputs begin as sentinels too. In-place outputs begin as
 * their inputs. Returns null where the kernel does not apply. `edit` may change its code: for tests of the tests.
 */
export async function runKernel(
  gpu: WebGpuDevice,
  op: AnyOp,
  kernel: AnyKernel,
  inputs: readonly NdArray[],
  attrs: unknown,
  options: { caps?: DeviceCaps; edit?: (code: string) => string } = {},
): Promise<KernelRun | null> {
  const specs = inputs.map(({ shape, dtype }) => ({ shape, dtype: dtype === "f64" ? "f32" : dtype }) as TensorSpec);
  const outputs = op.infer(specs, attrs);
  const plan: KernelPlan | null = kernel.plan(specs, outputs, attrs, options.caps ?? gpu.caps);
  if (!plan) return null;
  const { device } = gpu;
  const wanted: { name: string; bytes: number; usage: number; words: Uint32Array | null }[] = [];
  /** Each gives the number of its buffer. */
  const upload = (words: Uint32Array, use: GPUBufferUsageFlags, name: string): number =>
    wanted.push({ name, bytes: words.byteLength, usage: use | GPUBufferUsage.COPY_DST, words }) - 1;
  const storage = (spec: TensorSpec, value?: NdArray): number => {
    const words = new Uint32Array(wordsOf(spec) + MARGIN).fill(SENTINEL);
    if (value && spec.dtype === "f16") words.set(new Uint32Array(packHalves(value.data).buffer));
    else if (value) words.set(new Uint32Array(value.data.buffer, value.data.byteOffset, value.data.length));
    return upload(words, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC, "an array with its margin");
  };
  const params = plan.launches.map(({ params: p }) =>
    p ? upload(new Uint32Array(p), GPUBufferUsage.UNIFORM, "parameters") : null,
  );
  const aliasOf = (o: number): number | undefined => op.inPlace?.find(([out]) => out === o)?.[1];
  const input = inputs.map((value, i) => storage(specs[i]!, value));
  const output = outputs.map((spec, o) => {
    const alias = aliasOf(o);
    return alias === undefined ? storage(spec) : input[alias]!;
  });
  const scratch = (plan.scratch ?? []).map((spec) => storage(spec));
  const numbers = { input, output, scratch };
  const copies = output.map((i) => {
    const usage = GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ;
    return wanted.push({ name: "staging", bytes: wanted[i]!.bytes, usage, words: null }) - 1;
  });
  const made = await gpu.buffers(wanted, `a test of ${kernel.name}`);
  try {
    return await run();
  } finally {
    for (const buffer of made) buffer.destroy();
  }

  async function run(): Promise<KernelRun> {
    // With sizes that never arrived a kernel may run for minutes.
    device.pushErrorScope("validation");
    wanted.forEach(({ words }, i) => {
      if (words) writeCopy(device.queue, made[i]!, 0, words);
    });
    const refused = await gpu.orFailure(device.popErrorScope());
    if (refused) throw new ChainruleError("device", `WebGPU: ${refused.message}`);
    const encoder = device.createCommandEncoder({ label: kernel.name });
    for (const [at, original] of plan!.launches.entries()) {
      const launch = options.edit ? { ...original, code: options.edit(original.code) } : original;
      const pipeline = await gpu.pipelines.get(launch, kernel.name);
      const entries = launch.bindings.map((b: Binding, i): GPUBindGroupEntry => {
        const buffer = made[numbers[b.kind][b.index]!]!;
        const { dtype } = { input: specs, output: outputs, scratch: plan!.scratch ?? [] }[b.kind][b.index]!;
        return { binding: i + 1, resource: { buffer, offset: (b.offset ?? 0) * elementBytes(dtype) } };
      });
      if (launch.params) entries.unshift({ binding: 0, resource: { buffer: made[params[at]!]! } });
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, device.createBindGroup({ layout: gpu.pipelines.layout(launch), entries }));
      pass.dispatchWorkgroups(...launch.workgroups);
      pass.end();
    }
    output.forEach((from, i) => {
      encoder.copyBufferToBuffer(made[from]!, 0, made[copies[i]!]!, 0, wanted[from]!.bytes);
    });
    gpu.submit(encoder);
    const mapped = async (i: number): Promise<Uint32Array> => {
      await gpu.awaited(made[i]!.mapAsync(GPUMapMode.READ));
      return new Uint32Array(made[i]!.getMappedRange().slice(0));
    };
    const words = await gpu.orFailure(Promise.all(copies.map(mapped)));
    const results = outputs.map((spec, o) => {
      if (spec.dtype === "f16") {
        return ndarray(spec.shape, "f16", unpackHalves(new Uint16Array(words[o]!.buffer), sizeOf(spec.shape)));
      }
      const values = zeros(spec.shape, spec.dtype).data;
      new Uint32Array(values.buffer).set(words[o]!.subarray(0, values.length));
      return ndarray(spec.shape, spec.dtype, values);
    });
    return {
      outputs: results,
      marginIntact: words.every((w) => w.subarray(w.length - MARGIN).every((x) => x === SENTINEL)),
      covered: words.every((w) => w.subarray(0, w.length - MARGIN).every((x) => x !== SENTINEL)),
    };
  }
}
