import { availableParallelism, cpus } from "node:os";
import type { Backend } from "../backend/executor.ts";
import type { WebGpuBackend } from "../backend/webgpu/backend.ts";
import type { BenchEnvironment } from "../bench/report.ts";
import { version } from "./version.ts";

/** What a report says of a run in Node. */
export function nodeEnvironment(backend: Backend): BenchEnvironment {
  const gpu = backend.kind === "webgpu" ? (backend as WebGpuBackend).gpu : null;
  const adapter = gpu && {
    description: backend.description,
    software: gpu.caps.onCpu,
    features: gpu.features,
    limits: gpu.caps,
  };
  return {
    date: new Date().toISOString(),
    chainrule: version,
    runtime: `Node ${process.version}${gpu ? " with Dawn" : ""}, ${process.platform} ${process.arch}`,
    processor: `${cpus()[0]?.model.trim() || process.arch}, ${availableParallelism()} threads`,
    adapter,
  };
}
