import type { Backend } from "../../src/backend/executor.ts";
import { type WebGpuBackend, type WebGpuOptions, webgpuBackend } from "../../src/backend/webgpu/backend.ts";
import { FEATURES, limitsOf } from "../../src/backend/webgpu/caps.ts";
import type { AnyOp } from "../../src/graph/op.ts";
import { cpuOps, ops } from "../../src/ops/all.ts";

let shared: Promise<GPUDevice> | null = null;

/**
 * The device that all files of a process share, as the product would ask for it. Whatever it has compiled is kept: Dawn
 * compiles the same code once as long as somebody holds the pipeline. A device that is lost is replaced.
 */
async function sharedDevice(): Promise<GPUDevice> {
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw new Error("requestAdapter() gave null: no WebGPU adapter here (see CHAINRULE_ADAPTER)");
  const requiredFeatures = FEATURES.filter((name) => adapter.features.has(name));
  const device = await adapter.requestDevice({ requiredFeatures, requiredLimits: { ...limitsOf(adapter) } });
  const compile = device.createComputePipelineAsync.bind(device);
  const kept: GPUComputePipeline[] = [];
  device.createComputePipelineAsync = async (descriptor) => {
    const pipeline = await compile(descriptor);
    kept.push(pipeline);
    return pipeline;
  };
  device.lost.then(() => {
    shared = null;
  });
  return device;
}

/** A backend of its own for a test file, on the shared device; fails with advice where there is no adapter. */
export async function openGpu(options: WebGpuOptions = {}): Promise<WebGpuBackend> {
  shared ??= sharedDevice();
  return webgpuBackend({ device: await shared }, options);
}

/** The backend with every graph run as dispatches, small ones too. */
export function asDispatches(gpu: WebGpuBackend): Backend {
  return { ...gpu, compile: (g, options) => gpu.compile(g, { ...options, onChip: false }) };
}

export function opNamed(name: string): AnyOp {
  const op = [...ops, ...cpuOps].find((o) => o.name === name);
  if (!op) throw new Error(`no op ${name}`);
  return op;
}
