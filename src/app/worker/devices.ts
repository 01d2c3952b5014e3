import { cpuBackend } from "../../backend/cpu.ts";
import type { Backend } from "../../backend/executor.ts";
import { type WebGpuBackend, webgpuBackend } from "../../backend/webgpu/backend.ts";
import type { Device } from "../state/settings.ts";

/** The GPU, or the reason why there is none. */
interface Gpu {
  readonly backend: WebGpuBackend | null;
  readonly reason: string | null;
}

let gpuOnce: Promise<Gpu> | null = null;
let cpuOnce: Promise<Backend> | null = null;

/** The GPU, asked for once; without one, the reason. */
export function openGpu(): Promise<Gpu> {
  gpuOnce ??= webgpuBackend(navigator.gpu).then(
    (backend) => ({ backend, reason: null }),
    (error: unknown) => ({ backend: null, reason: error instanceof Error ? error.message : String(error) }),
  );
  return gpuOnce;
}

/** The CPU, with its threads, made once. */
export function openCpu(): Promise<Backend> {
  cpuOnce ??= cpuBackend();
  return cpuOnce;
}

/** What may train: the one asked for where it is here, else all there are. */
export async function candidatesFor(device: Device): Promise<readonly Backend[]> {
  // Both are opened at once; the CPU's code is fetched while the GPU is asked for.
  if (device !== "webgpu") openCpu().catch(() => undefined);
  const gpu = (await openGpu()).backend;
  if (gpu && device === "webgpu") return [gpu];
  const cpu = await openCpu();
  return !gpu || device === "cpu" ? [cpu] : [gpu, cpu];
}
