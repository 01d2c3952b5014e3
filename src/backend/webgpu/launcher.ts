import type { Launch } from "../../graph/op.ts";
import type { WebGpuDevice } from "./device.ts";
import { Ledger } from "./ledger.ts";
import { writeCopy } from "./write-copy.ts";

/**
 * Launches by themselves, outside any graph: what measures the device itself needs. Buffers are numbered; a launch's
 * bindings name them by `index` and hold whole buffers.
 */
export class Launcher {
  private readonly ledger: Ledger;
  private readonly buffers: GPUBuffer[] = [];
  private readonly uniforms: GPUBuffer[] = [];
  private readonly staging: GPUBuffer;

  /** `sizes` are bytes of zeroed storage buffers. */
  constructor(
    private readonly gpu: WebGpuDevice,
    sizes: readonly number[],
  ) {
    this.ledger = new Ledger(gpu.device);
    const storage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    sizes.forEach((size, i) => {
      this.buffers.push(this.ledger.create(`launcher ${i}`, size, storage));
    });
    const encoder = gpu.device.createCommandEncoder({ label: "launcher clear" });
    for (const buffer of this.buffers) encoder.clearBuffer(buffer);
    gpu.submit(encoder);
    const readable = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    this.staging = this.ledger.create("launcher staging", STAGING_BYTES, readable);
  }

  /** Compiles once; the function that comes back submits one pass of `count` dispatches and does not wait. */
  async prepare(launch: Launch, label: string): Promise<(count: number) => void> {
    const { device, pipelines } = this.gpu;
    const pipeline = await pipelines.get(launch, label);
    const entries: GPUBindGroupEntry[] = launch.bindings.map((b, i) => ({
      binding: i + 1,
      resource: { buffer: this.buffers[b.index]! },
    }));
    if (launch.params) {
      const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
      const buffer = this.ledger.create(`${label} parameters`, launch.params.byteLength, usage);
      this.uniforms.push(buffer);
      writeCopy(device.queue, buffer, 0, launch.params);
      entries.unshift({ binding: 0, resource: { buffer } });
    }
    const bindGroup = device.createBindGroup({ label, layout: pipelines.layout(launch), entries });
    return (count) => {
      const encoder = device.createCommandEncoder({ label });
      const pass = encoder.beginComputePass({ label });
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindGroup);
      for (let i = 0; i < count; i++) pass.dispatchWorkgroups(...launch.workgroups);
      pass.end();
      this.gpu.submit(encoder);
    };
  }

  /** Resolves when everything submitted so far has run. Rejects with the device's failure. */
  async done(): Promise<void> {
    await this.gpu.orFailure(this.gpu.awaited(this.gpu.device.queue.onSubmittedWorkDone()));
  }

  /** Words of a buffer, at most 64 KiB of them: one copy and one awaited map. One reading at a time. */
  async read(buffer: number, firstWord: number, words: number): Promise<Uint32Array> {
    const { device } = this.gpu;
    const encoder = device.createCommandEncoder({ label: "launcher read" });
    encoder.copyBufferToBuffer(this.buffers[buffer]!, firstWord * 4, this.staging, 0, words * 4);
    this.gpu.submit(encoder);
    const mapped = async (): Promise<Uint32Array> => {
      await this.gpu.awaited(this.staging.mapAsync(GPUMapMode.READ, 0, words * 4));
      const values = new Uint32Array(this.staging.getMappedRange(0, words * 4).slice(0));
      this.staging.unmap();
      return values;
    };
    return this.gpu.orFailure(mapped());
  }

  dispose(): void {
    for (const buffer of [...this.buffers, ...this.uniforms, this.staging]) this.ledger.destroy(buffer);
  }
}

const STAGING_BYTES = 65536;
