import { ChainruleError } from "../core/errors.ts";
import type { Backend } from "./executor.ts";
import { referenceBackend } from "./reference/executor.ts";
import { type WasmOptions, wasmBackend } from "./wasm/backend.ts";

/** The fast CPU path: WebAssembly SIMD; where the engine lacks it, the plain reference, whose description says why. */
export async function cpuBackend(options: WasmOptions = {}): Promise<Backend> {
  try {
    return await wasmBackend(options);
  } catch (error) {
    if (!(error instanceof ChainruleError) || error.code !== "adapter") throw error;
    return referenceBackend("f32", error.message);
  }
}
