import { type NdArray, sizeOf } from "../../core/ndarray.ts";
import { bytesOf, type TensorSpec } from "../../graph/graph.ts";
import type { WebGpuDevice } from "./device.ts";
import type { Ledger } from "./ledger.ts";

const arrays = { f32: Float32Array, i32: Int32Array, u32: Uint32Array } as const;

/** Buffers that carry results to the host. They are used again and again: a reading costs no allocation. */
export class Staging {
  private readonly free: GPUBuffer[] = [];

  constructor(
    private readonly gpu: WebGpuDevice,
    private readonly ledger: Ledger,
  ) {}

  /** A mappable buffer of at least `size` bytes. Throws ChainruleError("limit") where the device has no room for one. */
  async take(size: number): Promise<GPUBuffer> {
    // The smallest that will do: a large one taken for a few losses would be missing when all of a run is copied.
    const fits = this.free.filter((b) => b.size >= size).sort((a, b) => a.size - b.size)[0];
    if (fits) return this.free.splice(this.free.indexOf(fits), 1)[0]!;
    const usage = GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ;
    const [buffer] = await this.gpu.buffers([{ name: "staging", bytes: size, usage }], "a reading", this.ledger);
    return buffer!;
  }

  /** Copies the values out of a buffer that holds them one after another, and gives the buffer back. */
  async collect(buffer: GPUBuffer, specs: readonly TensorSpec[]): Promise<NdArray[]> {
    await this.gpu.awaited(buffer.mapAsync(GPUMapMode.READ));
    // Few read halves: what unpacks them is loaded by those who do.
    const halves = specs.some(({ dtype }) => dtype === "f16") ? await import("../../core/half.ts") : null;
    const bytes = buffer.getMappedRange();
    let offset = 0;
    const result = specs.map((spec): NdArray => {
      const { shape, dtype } = spec;
      const size = sizeOf(shape);
      const data =
        dtype === "f16"
          ? halves!.unpackHalves(new Uint16Array(bytes, offset, size), size)
          : new arrays[dtype](bytes, offset, size).slice();
      offset += bytesOf(spec);
      return { shape, dtype, data };
    });
    buffer.unmap();
    this.free.push(buffer);
    return result;
  }
}
