import type { Backend } from "../../src/backend/executor.ts";
import { type WebGpuBackend, webgpuBackend } from "../../src/backend/webgpu/backend.ts";
import type { AnyOp } from "../../src/graph/op.ts";
import { ops } from "../../src/ops/all.ts";

/** A backend of its own for a test file; fails with advice where there is no adapter. */
export function openGpu(): Promise<WebGpuBackend> {
  return webgpuBackend(navigator.gpu);
}

/** The backend with every graph run as dispatches, small ones too. */
export function asDispatches(gpu: WebGpuBackend): Backend {
  return { ...gpu, compile: (g, options) => gpu.compile(g, { ...options, onChip: false }) };
}

export function opNamed(name: string): AnyOp {
  const op = ops.find((o) => o.name === name);
  if (!op) throw new Error(`no op ${name}`);
  return op;
}
