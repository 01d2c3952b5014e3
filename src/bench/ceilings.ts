import type { WebGpuBackend } from "../backend/webgpu/backend.ts";
import type { Ceiling, CeilingOptions } from "./ceiling.ts";
import { bandwidth } from "./ceilings-bandwidth.ts";
import { calls } from "./ceilings-calls.ts";
import { fma, shared } from "./ceilings-compute.ts";

/** Yields each limit as it is measured. A few seconds on a software adapter. */
export async function* benchCeilings(gpu: WebGpuBackend, options: CeilingOptions = {}): AsyncGenerator<Ceiling> {
  yield await fma(gpu, options);
  yield* bandwidth(gpu, options);
  yield await shared(gpu, options);
  yield* calls(gpu, options);
}
