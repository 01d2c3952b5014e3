/// <reference path="../ambient.d.ts" preserve="true" />
import { ChainruleError, textOf } from "../../core/errors.ts";
import { disposedError } from "../../core/resource.ts";
import type { DeviceCaps } from "../../graph/op.ts";
import { inScope, type WantedBuffer } from "./allocate.ts";
import { capsOf, compilesLate, computesOnCpu, FEATURES, limitsOf } from "./caps.ts";
import { Ledger } from "./ledger.ts";
import type { Nudger } from "./nudger.ts";
import { PipelineCache } from "./pipelines.ts";
import { waitsSlowly } from "./waiting.ts";

/** In `wrong` it stands for the kernel of whole steps. */
export const WHOLE_STEPS = "whole steps in one kernel";

/** How long a loss may take to be told. */
const TOLD_MS = 50;
/** Of an adapter in a browser that tells nothing: Chrome before 127. */
const NO_INFO = {} as GPUAdapterInfo;

/** A device with what was learned of it, its pipelines, and its failures. */
export class WebGpuDevice {
  readonly caps: DeviceCaps;
  readonly pipelines: PipelineCache;
  readonly description: string;
  /** Kernels that gave a wrong answer on this device, with what was wrong: they are not chosen. */
  readonly wrong = new Map<string, string>();
  private failure: ChainruleError | null = null;
  /** Those who wait for work on the device and must hear of its failure. */
  private readonly waiting = new Set<(failure: ChainruleError) => void>();
  /** Executors with memory here: on a device that lives on it must be given back one by one. */
  readonly executors = new Set<{ dispose(): void }>();
  private readonly onError: (event: GPUUncapturedErrorEvent) => void;
  private disposed = false;
  private readonly traffic = { requests: 0, waiting: 0 };
  /** Whether its queue waits slowly (waiting.ts); null until that is seen. */
  private slow: boolean | null = null;
  /** Resolves when it is seen. Nobody has to wait for that. */
  readonly seen: Promise<void>;
  private nudger: Promise<Nudger> | null = null;

  private constructor(
    readonly device: GPUDevice,
    info: GPUAdapterInfo,
    /** What the adapter can do, whether it was asked for or not; of a caller's device, what was asked for. */
    readonly features: readonly string[],
    /** False where the device is the caller's own, who has other uses for it. */
    private readonly owned: boolean,
    onCpu: boolean,
    language?: WGSLLanguageFeatures,
  ) {
    this.caps = capsOf(device, info, onCpu, language);
    this.pipelines = new PipelineCache(device, onCpu && compilesLate(info) ? (work) => this.awaited(work) : null);
    this.description = describe(info, this.caps);
    const fail = (error: ChainruleError) => {
      this.failure ??= error;
      for (const tell of this.waiting) tell(this.failure);
    };
    device.lost.then(({ reason, message }) =>
      fail(
        this.disposed
          ? disposedError("the backend")
          : new ChainruleError("lost", `the GPU device was lost (${reason}): ${message || "no reason was given"}`),
      ),
    );
    // The one place for a handler, onuncapturederror, belongs to the caller.
    this.onError = ({ error }) => fail(new ChainruleError("device", `WebGPU: ${error.message}`));
    device.addEventListener("uncapturederror", this.onError);
    this.seen = waitsSlowly(device.queue, this.traffic).then((slow) => {
      this.slow = slow;
    });
  }

  /** A device of the caller's, with the limits and features that it was asked for. dispose() leaves it as it is. */
  static of(device: GPUDevice): WebGpuDevice {
    const info = device.adapterInfo ?? NO_INFO;
    return new WebGpuDevice(device, info, [...device.features].sort(), false, computesOnCpu(info));
  }

  /** A device with the adapter's own limits and features, not the guaranteed minimum (`compatible`). */
  static async create(gpu: GPU | undefined, options: { compatible?: boolean } = {}): Promise<WebGpuDevice> {
    const adapter = await gpu?.requestAdapter({ powerPreference: "high-performance" });
    if (!adapter) throw new ChainruleError("adapter", (await import("./no-adapter.ts")).noAdapter(!!gpu));
    const requiredLimits = options.compatible ? {} : { ...limitsOf(adapter) };
    const requiredFeatures = options.compatible ? [] : FEATURES.filter((name) => adapter.features.has(name));
    try {
      const device = await adapter.requestDevice({ label: "chainrule", requiredLimits, requiredFeatures });
      const info = adapter.info ?? NO_INFO;
      const onCpu = computesOnCpu(info, adapter);
      return new WebGpuDevice(device, info, [...adapter.features].sort(), true, onCpu, gpu!.wgslLanguageFeatures);
    } catch (cause) {
      throw new ChainruleError("adapter", `the adapter gives no device: ${textOf(cause)}`, { cause });
    }
  }

  /** Everything that is submitted passes here. */
  submit(encoder: GPUCommandEncoder): void {
    this.traffic.requests++;
    this.device.queue.submit([encoder.finish()]);
  }

  /** What was asked of the queue, as soon as it is done: everything that waits for a queue or a map passes here. */
  awaited<T>(work: Promise<T>): Promise<T> {
    // As long as nothing is seen, as if it were slow: that costs little, and a tick is long.
    if (this.slow === false) return work;
    this.nudger ??= import("./nudger.ts").then(({ Nudger }) => new Nudger(this.device.queue));
    this.nudger.then(
      (nudger) => nudger.watch(work),
      () => undefined,
    );
    this.traffic.requests++;
    this.traffic.waiting++;
    const end = (): void => {
      this.traffic.waiting--;
    };
    work.then(end, end);
    return work;
  }

  /** True once nothing more can be asked of the device: it is lost, or something went wrong that it told nobody else. */
  get failed(): boolean {
    return this.failure !== null;
  }

  /** Throws what went wrong on the device since the last look, if anything did. */
  check(): void {
    if (this.failure) throw this.failure;
    if (this.disposed) throw disposedError("the backend");
  }

  /** `work`, or the device's failure should that come first. What WebGPU itself rejects comes as a ChainruleError. */
  async orFailure<T>(work: Promise<T>): Promise<T> {
    try {
      const result = await this.unlessFailing(work);
      this.check();
      return result;
    } catch (cause) {
      this.check();
      if (cause instanceof ChainruleError) throw cause;
      // A map is rejected a moment before the loss that it is rejected for is told.
      await this.unlessFailing(new Promise((resolve) => setTimeout(resolve, TOLD_MS))).catch(() => undefined);
      this.check();
      throw new ChainruleError("device", `WebGPU: ${textOf(cause)}`, { cause });
    }
  }

  /** Not a race with a promise that lasts as long as the device: that would keep every result for as long. */
  private unlessFailing<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.failure) reject(this.failure);
      this.waiting.add(reject);
      work.then(resolve, reject).finally(() => this.waiting.delete(reject));
    });
  }

  /** Storage or other buffers, asked for in a scope: throws ChainruleError("limit") where there is no room for all. */
  buffers(wanted: readonly WantedBuffer[], what: string, ledger = new Ledger(this.device)): Promise<GPUBuffer[]> {
    return inScope(this, ledger, wanted, what);
  }

  dispose(): void {
    this.disposed = true;
    // By hand: Dawn in Node heeds no signal here, and a listener that stays keeps the device and all that is on it.
    this.device.removeEventListener("uncapturederror", this.onError);
    if (this.owned) this.device.destroy();
    else for (const executor of this.executors) executor.dispose();
  }
}

/** The adapter's name; what it is, where a browser gives none. */
function describe({ vendor, architecture, device, description }: GPUAdapterInfo, caps: DeviceCaps): string {
  const names = new Set([description || device, vendor, architecture].filter(Boolean));
  if (names.size > 0) return [...names].join(", ");
  const kind = caps.onCpu ? "software adapter" : "GPU";
  const has = (there: boolean): string => (there ? "with" : "without");
  return `${kind} without a name, ${has(caps.subgroups)} subgroups, ${has(caps.shaderF16)} f16`;
}
