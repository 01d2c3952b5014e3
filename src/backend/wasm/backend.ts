import { requireCount } from "../../core/arguments.ts";
import { disposedError, disposing } from "../../core/resource.ts";
import type { Graph, Node } from "../../graph/graph.ts";
import { ExecutorCache } from "../cache.ts";
import type { Backend, CompileOptions } from "../executor.ts";
import { WasmExecutor } from "./executor.ts";
import { loadModule, type ModuleOptions } from "./module.ts";
import { Pool } from "./pool.ts";
import { allocate } from "./program.ts";

/** How the CPU computes: what is absent is found out. */
export interface WasmOptions extends ModuleOptions {
  /** Threads that compute, this one included; as many as the machine has by default, where memory can be shared. */
  readonly threads?: number;
}

/** One value: addresses have 32 bits, and the rest of the run needs room too. */
const MAX_VALUE_BYTES = 2 ** 31;

/** The CPU in f32, by WebAssembly SIMD. Throws ChainruleError("adapter") where the engine has neither. */
export async function wasmBackend(options: WasmOptions = {}): Promise<Backend> {
  if (options.threads !== undefined) requireCount("threads", options.threads);
  const wasm = await loadModule(options);
  const pool = await Pool.create(wasm, options.threads);
  const threads = pool?.threads ?? 1;
  const fused = wasm.relaxed ? ", fused multiply-add" : "";
  const cache = new ExecutorCache("the backend");
  let disposed = false;
  return disposing({
    kind: "cpu" as const,
    description: `CPU (WebAssembly SIMD, ${threads} ${threads === 1 ? "thread" : "threads"}${fused})`,
    limits: { maxBufferSize: MAX_VALUE_BYTES, maxDataBytes: MAX_VALUE_BYTES },
    cache,
    async compile(g: Graph, o?: CompileOptions) {
      if (disposed) throw disposedError("the backend");
      return WasmExecutor.compile(wasm, pool, g, o);
    },
    async probeMemory(g: Graph, nodes: readonly Node[]) {
      const { program } = await wasm.lay(g, { nodes });
      allocate(program, wasm.shared);
      return program.bytes;
    },
    dispose() {
      disposed = true;
      cache.dispose();
      pool?.dispose();
    },
  });
}
