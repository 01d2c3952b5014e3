import { DEFAULT_CAPS, DEFAULT_LIMITS, type DeviceCaps, type DeviceLimits } from "../../graph/op.ts";

/** An experimental part of Dawn's adapters, which no standard has. */
const MATRICES = "chromium-experimental-subgroup-matrix" as GPUFeatureName;
/** Asked for where the adapter has them. */
export const FEATURES: readonly GPUFeatureName[] = ["subgroups", "shader-f16", MATRICES];

/** What an adapter says of itself; older browsers leave any of it out. */
export type AdapterReport = Partial<GPUAdapterInfo>;

/** Drivers that run on a CPU, by the names that they give themselves: Google's, Mesa's, Microsoft's. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|basic render|warp/i;

/**
 * Whether the adapter computes on a CPU: by what it says, or by its name where an older browser does not say. The width of
 * subgroups tells nothing: Intel's GPUs have 8, and Firefox says 4 to 128 of every adapter.
 */
export function computesOnCpu(info: AdapterReport, adapter: object = {}): boolean {
  // On the adapter itself, until Chrome 140.
  const { isFallbackAdapter } = adapter as { isFallbackAdapter?: boolean };
  const names = [info.vendor, info.architecture, info.device, info.description];
  return (info.isFallbackAdapter || isFallbackAdapter || SOFTWARE.test(names.join(" "))) === true;
}

/** Of an adapter on a CPU: whether it compiles what a pipeline needs when that is first dispatched, as all but SwiftShader do. */
export const compilesLate = (info: AdapterReport): boolean => info.architecture !== "swiftshader";

export function limitsOf({ limits }: { readonly limits: DeviceLimits }): DeviceLimits {
  const names = Object.keys(DEFAULT_LIMITS) as (keyof DeviceLimits)[];
  return Object.fromEntries(names.map((name) => [name, limits[name]])) as Record<keyof DeviceLimits, number>;
}

/** What planners may count on, of a device and its adapter, and of the language that its shaders are written in. */
export function capsOf(
  device: { readonly limits: DeviceLimits; readonly features: ReadonlySet<string> },
  info: AdapterReport,
  onCpu: boolean,
  language?: Pick<WGSLLanguageFeatures, "has">,
): DeviceCaps {
  const { features } = device;
  return {
    ...limitsOf(device),
    subgroups: features.has("subgroups"),
    subgroupMinSize: info.subgroupMinSize ?? DEFAULT_CAPS.subgroupMinSize,
    subgroupMaxSize: info.subgroupMaxSize ?? DEFAULT_CAPS.subgroupMaxSize,
    shaderF16: features.has("shader-f16"),
    subgroupMatrices: features.has(MATRICES) ? matricesOf(info) : null,
    bufferViews: language?.has("buffer_view") ?? false,
    onCpu,
    vendor: info.vendor ?? DEFAULT_CAPS.vendor,
    architecture: info.architecture ?? DEFAULT_CAPS.architecture,
  };
}

function matricesOf(info: AdapterReport): DeviceCaps["subgroupMatrices"] {
  const { subgroupMatrixConfigs: all } = info as { subgroupMatrixConfigs?: Iterable<MatrixConfig> };
  const found = [...(all ?? [])].filter((c) => c.componentType === "f16" && c.resultComponentType === "f32");
  return found.length > 0 ? found.map(({ M, N, K }) => ({ M, N, K })) : null;
}

interface MatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}
