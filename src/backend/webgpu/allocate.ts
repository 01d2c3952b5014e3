import { ChainruleError } from "../../core/errors.ts";
import type { Ledger } from "./ledger.ts";

export interface WantedBuffer {
  readonly name: string;
  readonly bytes: number;
  readonly usage: number;
}

/** A device, and what becomes of work that it fails. */
interface ScopedDevice {
  readonly device: GPUDevice;
  orFailure<T>(work: Promise<T>): Promise<T>;
}

/** Buffers, all of them: where the device has no room it gives all back and throws, saying what was asked `for` what. */
export async function inScope(
  gpu: ScopedDevice,
  ledger: Ledger,
  wanted: readonly WantedBuffer[],
  what: string,
): Promise<GPUBuffer[]> {
  const { device } = gpu;
  device.pushErrorScope("out-of-memory");
  const buffers = wanted.map((b) => ledger.create(b.name, b.bytes, b.usage));
  const failed = await gpu.orFailure(device.popErrorScope()).then(
    (error) => error && tooMuch(wanted, what),
    (failure: unknown) => failure,
  );
  if (!failed) return buffers;
  for (const buffer of buffers) ledger.destroy(buffer);
  throw failed;
}

function tooMuch(wanted: readonly WantedBuffer[], what: string): ChainruleError {
  const total = wanted.reduce((sum, b) => sum + b.bytes, 0);
  const { name, bytes } = wanted.reduce((a, b) => (b.bytes > a.bytes ? b : a));
  return new ChainruleError(
    "limit",
    `the device has no room for the ${total} bytes that ${what} takes, ${bytes} of them for ${name}`,
  );
}

/** Storage buffers, and one for uniforms where `uniformBytes` is not 0. Gives all back and throws when there is no room. */
export async function allocateBuffers(
  gpu: ScopedDevice,
  ledger: Ledger,
  storage: readonly { readonly name: string; readonly bytes: number }[],
  uniformBytes: number,
): Promise<{ buffers: GPUBuffer[]; uniforms: GPUBuffer | null }> {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const wanted = storage.map(({ name, bytes }): WantedBuffer => ({ name, bytes, usage }));
  if (uniformBytes > 0) {
    const uniformUsage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
    wanted.push({ name: "parameters of kernels", bytes: uniformBytes, usage: uniformUsage });
  }
  const buffers = await inScope(gpu, ledger, wanted, "this graph");
  return { buffers, uniforms: uniformBytes > 0 ? buffers.pop()! : null };
}
