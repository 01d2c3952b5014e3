import { ChainruleError } from "../../core/errors.ts";
import type { WebGpuDevice } from "./device.ts";
import type { Ledger } from "./ledger.ts";

/** Storage buffers, and one for uniforms where `uniformBytes` is not 0. Gives all back and throws when there is no room. */
export async function allocateBuffers(
  gpu: WebGpuDevice,
  ledger: Ledger,
  wanted: readonly { readonly name: string; readonly bytes: number }[],
  uniformBytes: number,
): Promise<{ buffers: GPUBuffer[]; uniforms: GPUBuffer | null }> {
  const { device } = gpu;
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const uniformUsage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
  device.pushErrorScope("out-of-memory");
  const buffers = wanted.map((b) => ledger.create(b.name, b.bytes, usage));
  const uniforms = uniformBytes > 0 ? ledger.create("parameters of kernels", uniformBytes, uniformUsage) : null;
  const giveBack = (): void => {
    for (const buffer of buffers) ledger.destroy(buffer);
    if (uniforms) ledger.destroy(uniforms);
  };
  const error = await gpu.orFailure(device.popErrorScope()).catch((failure) => {
    giveBack();
    throw failure;
  });
  if (error) {
    giveBack();
    const total = wanted.reduce((sum, b) => sum + b.bytes, 0);
    throw new ChainruleError(
      "limit",
      `the device has no room for the ${total} bytes of this run: use a smaller net or batch`,
    );
  }
  return { buffers, uniforms };
}
