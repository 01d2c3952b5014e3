import { ChainruleError } from "../../core/errors.ts";
import { DEFAULT_LIMITS, type DeviceCaps, type DeviceLimits } from "../../graph/op.ts";
import { PipelineCache } from "./pipelines.ts";

/** Asked for where the adapter has them. */
const FEATURES: readonly GPUFeatureName[] = ["subgroups", "shader-f16"];

/** A device with what was learned of it, its pipelines, and its failures. */
export class WebGpuDevice {
  readonly caps: DeviceCaps;
  readonly pipelines: PipelineCache;
  readonly description: string;
  private failure: ChainruleError | null = null;
  private readonly failed: Promise<never>;

  private constructor(
    readonly device: GPUDevice,
    readonly adapter: GPUAdapter,
  ) {
    this.caps = capsOf(device, adapter);
    this.pipelines = new PipelineCache(device);
    this.description = describe(adapter);
    this.failed = new Promise((_, reject) => {
      const fail = (error: ChainruleError) => {
        this.failure ??= error;
        reject(error);
      };
      device.lost.then(({ reason, message }) =>
        fail(new ChainruleError("device", `the GPU device was lost (${reason}): ${message || "no reason was given"}`)),
      );
      device.onuncapturederror = ({ error }) => fail(new ChainruleError("device", `WebGPU: ${error.message}`));
    });
    this.failed.catch(() => undefined);
  }

  /** A device with the adapter's own limits and features, not the guaranteed minimum (`compatible`). */
  static async create(gpu: GPU | undefined, options: { compatible?: boolean } = {}): Promise<WebGpuDevice> {
    if (!gpu) {
      throw new ChainruleError(
        "adapter",
        "this browser has no WebGPU: use Chrome or Edge 113 or later (or Safari 26, Firefox 141), over https or on localhost",
      );
    }
    const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
    if (!adapter) {
      throw new ChainruleError(
        "adapter",
        "WebGPU is here but gives no adapter: turn on hardware acceleration or update the graphics driver; after a crash of the GPU process restart the browser",
      );
    }
    const requiredLimits = options.compatible ? {} : limitsOf(adapter);
    const requiredFeatures = options.compatible ? [] : FEATURES.filter((name) => adapter.features.has(name));
    const device = await adapter.requestDevice({ label: "chainrule", requiredLimits, requiredFeatures });
    return new WebGpuDevice(device, adapter);
  }

  /** Throws what went wrong on the device since the last look, if anything did. */
  check(): void {
    if (this.failure) throw this.failure;
  }

  /** `work`, or the device's failure should that come first. */
  async orFailure<T>(work: Promise<T>): Promise<T> {
    const result = await Promise.race([work, this.failed]);
    this.check();
    return result;
  }

  dispose(): void {
    this.device.destroy();
  }
}

function limitsOf({ limits }: GPUAdapter | GPUDevice): Record<keyof DeviceLimits, number> {
  const names = Object.keys(DEFAULT_LIMITS) as (keyof DeviceLimits)[];
  return Object.fromEntries(names.map((name) => [name, limits[name]])) as Record<keyof DeviceLimits, number>;
}

function capsOf(device: GPUDevice, { info }: GPUAdapter): DeviceCaps {
  // SwiftShader has subgroups of 4, Mesa's lavapipe of 4 or 8; those of GPUs are larger. 0 where it is not said.
  const subgroup = info.subgroupMinSize ?? 0;
  const onCpu = subgroup > 0 && subgroup < 16;
  const { features } = device;
  return { ...limitsOf(device), subgroups: features.has("subgroups"), shaderF16: features.has("shader-f16"), onCpu };
}

function describe(adapter: GPUAdapter): string {
  const { vendor, architecture, device, description } = adapter.info;
  const parts = [description || device, vendor, architecture].filter((p, i, all) => p && all.indexOf(p) === i);
  return parts.join(", ") || "unnamed adapter";
}
